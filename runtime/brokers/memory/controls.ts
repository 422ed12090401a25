/** What is known of single messages, in memory. */
import type { ControlStore, Found, ToCancel } from "../../controls.js";
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
    const held = new Set([...queue.holders].flatMap(({ bodies }) => bodies.map(idOf)));
    return messages.map(({ id, keep }): Found => {
      if (dead.has(id)) return "dead";
      queue.cancelled.add(id, keep);
      return held.has(id) ? "held" : "waiting";
    });
  }

  async restore(name: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#backend.queue(name).cancelled.forget(id);
  }

  cancelled(name: string): MemoryCancellations {
    return this.#backend.queue(name).cancelled;
  }
}

/** A message's id; `undefined` where it is no envelope. */
function idOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { readonly id?: unknown } | null)?.id;
  } catch {
    return undefined;
  }
}
