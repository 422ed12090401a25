/** What is known of single messages, in memory. */
import type {
  ControlStore,
  Found,
  MessageRecord,
  ProgressRecord,
  StatusRecord,
  ToCancel,
  TrackOptions,
} from "../../seams/controls.js";
import type { MemoryBackend } from "./backend.js";
import type { MemoryCancellations } from "./cancellations.js";

export class MemoryControls implements ControlStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async cancel(name: string, messages: readonly ToCancel[]): Promise<readonly Found[]> {
    const queue = this.#backend.queue(name);
    const dead = new Set(queue.dead.map(({ id }) => id));
    const held = queue.held();
    return messages.map(({ id, keep }): Found => {
      if (dead.has(id)) return "dead";
      queue.cancelled.add(id, keep);
      return held.has(id) ? "held" : "waiting";
    });
  }

  async restore(name: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#backend.queue(name).cancelled.forget(id);
  }

  async track(id: string, status: StatusRecord, { ttl, first, tell }: TrackOptions): Promise<void> {
    const { statuses } = this.#backend;
    if (first && this.#backend.read(statuses, id) !== undefined) return;
    this.#backend.write(statuses, id, status, ttl);
    if (tell) this.#tell(id, { status });
  }

  async report(id: string, progress: ProgressRecord, ttl: number): Promise<void> {
    // Through JSON, so that no test passes on a value that would not travel.
    const written = JSON.parse(JSON.stringify(progress)) as ProgressRecord;
    this.#backend.write(this.#backend.progresses, id, written, ttl);
    this.#tell(id, { progress: written });
  }

  async read(id: string): Promise<MessageRecord> {
    const { statuses, progresses } = this.#backend;
    const status = this.#backend.read(statuses, id);
    const progress = this.#backend.read(progresses, id);
    return { ...(status && { status }), ...(progress && { progress }) };
  }

  async follow(id: string, news: (record: MessageRecord) => void): Promise<() => void> {
    const { followers } = this.#backend;
    const all = followers.get(id) ?? new Set();
    followers.set(id, all.add(news));
    return () => {
      all.delete(news);
      if (all.size === 0) followers.delete(id);
    };
  }

  #tell(id: string, record: MessageRecord): void {
    for (const news of this.#backend.followers.get(id) ?? []) news(record);
  }

  cancelled(name: string): MemoryCancellations {
    return this.#backend.queue(name).cancelled;
  }
}
