/** What workers share of schedules, in Redis: all that one queue's scripts touch lies in its slot. */
import {
  PROGRESS_TTL,
  type Candidate,
  type Lead,
  type MadeSchedule,
  type ScheduleStore,
} from "../../seams/schedules.js";
import type { RedisConnection } from "./connection.js";
import { scheduleKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { StateContext } from "./state.js";
import type { RedisSubscriber } from "./subscriber.js";

/** How often changes are looked for that nobody can tell of, in milliseconds. */
const LOOK = 30_000;

export class RedisSchedules implements ScheduleStore {
  readonly #prefix: string;
  readonly #connection: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  /** Who is told of changes, by channel. */
  readonly #watchers = new Map<string, Set<() => void>>();
  /** Of channels that cannot be listened to. */
  readonly #looks = new Map<string, NodeJS.Timeout>();

  constructor({ prefix, connection, subscriber }: StateContext) {
    this.#prefix = prefix;
    this.#connection = connection;
    this.#subscriber = subscriber;
  }

  async lead(queue: string, candidate: Candidate): Promise<Lead> {
    const { lead, ticks, made, changed } = scheduleKeys(this.#prefix, queue);
    const { worker, startedAt, print, lease, version, forgotten } = candidate;
    const args = [worker, startedAt, print, lease, version, PROGRESS_TTL, changed, candidate.ticks.size];
    const reply = await this.#connection.run(
      scripts.lead,
      [lead, ticks, made],
      [...args, ...[...candidate.ticks].flat(), ...forgotten],
    );
    if (reply[0] === 0) return { leads: false, left: reply[1] };
    const [, now, isNew, gap, current, progress, definitions] = reply;
    const begins = isNew === 1;
    const shared = {
      gap: gap === -1 ? undefined : gap,
      made: pairs(definitions),
      ticks: toTicks(pairs(progress)),
    };
    return { leads: true, now, begins, version: current, ...(begins || current !== version ? { shared } : {}) };
  }

  async put(queue: string, { id, track, definition }: MadeSchedule): Promise<void> {
    const { lead, ticks, made, changed } = scheduleKeys(this.#prefix, queue);
    await this.#connection.run(
      scripts.putSchedule,
      [lead, ticks, made],
      [id, definition, track, PROGRESS_TTL, changed],
    );
  }

  async remove(queue: string, id: string): Promise<boolean> {
    const { lead, made, changed } = scheduleKeys(this.#prefix, queue);
    return (await this.#connection.run(scripts.removeSchedule, [lead, made], [id, PROGRESS_TTL, changed])) === 1;
  }

  async read(queue: string) {
    const { ticks, made } = scheduleKeys(this.#prefix, queue);
    const [definitions, progress] = await Promise.all([
      this.#connection.command((redis) => redis.hgetall(made)),
      this.#connection.command((redis) => redis.hgetall(ticks)),
    ]);
    return { made: new Map(Object.entries(definitions)), ticks: toTicks(new Map(Object.entries(progress))) };
  }

  watch(queue: string, changed: () => void): () => void {
    const { changed: channel } = scheduleKeys(this.#prefix, queue);
    const watchers = this.#watchers.get(channel) ?? new Set();
    watchers.add(changed);
    if (!this.#watchers.has(channel)) {
      this.#watchers.set(channel, watchers);
      const tell = () => [...watchers].forEach((each) => each());
      // Without the right to the channel, a change is looked for now and then.
      this.#subscriber.subscribe(channel, { message: tell, resumed: tell }).catch(() => {
        if (this.#watchers.get(channel) === watchers) this.#looks.set(channel, setInterval(tell, LOOK).unref());
      });
    }
    return () => {
      watchers.delete(changed);
      if (watchers.size > 0) return;
      this.#watchers.delete(channel);
      clearInterval(this.#looks.get(channel));
      this.#looks.delete(channel);
      this.#subscriber.unsubscribe(channel);
    };
  }
}

/** What `HGETALL` returns inside of a script. */
function pairs(flat: readonly string[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) map.set(flat[i] ?? "", flat[i + 1] ?? "");
  return map;
}

function toTicks(texts: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  return new Map([...texts].map(([track, tick]) => [track, Number(tick)]));
}
