/** What workers share of schedules, in memory. */
import type { Candidate, Lead, MadeSchedule, ScheduleStore } from "../../seams/schedules.js";
import type { MemoryBackend } from "./backend.js";

/** The schedules of one queue. */
export class QueueSchedules {
  leader: (Pick<Candidate, "worker" | "startedAt" | "print"> & { readonly until: number }) | undefined;
  version = 0;
  readonly ticks = new Map<string, number>();
  readonly made = new Map<string, string>();
  readonly watchers = new Set<() => void>();
}

export class MemorySchedules implements ScheduleStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async lead(queue: string, candidate: Candidate): Promise<Lead> {
    const { worker, startedAt, print, lease, version, ticks, forgotten } = candidate;
    const shared = this.#of(queue);
    const now = this.#backend.clock.now();
    const { leader } = shared;
    const holds = leader !== undefined && leader.until > now;
    const isOwn = leader?.worker === worker;
    const isOlder = leader !== undefined && leader.print !== print && leader.startedAt < startedAt;
    if (holds && !isOwn && !isOlder) return { leads: false, left: leader.until - now };
    // It learns at once that it leads no longer.
    if (holds && !isOwn) tell(shared);
    shared.leader = { worker, startedAt, print, until: now + lease };
    for (const [track, tick] of ticks) shared.ticks.set(track, Math.max(tick, shared.ticks.get(track) ?? 0));
    for (const track of forgotten) shared.ticks.delete(track);
    const gap = leader === undefined ? undefined : Math.max(0, now - leader.until);
    const begins = !(holds && isOwn);
    const isKnown = !begins && version === shared.version;
    return {
      leads: true,
      now,
      begins,
      version: shared.version,
      ...(isKnown ? {} : { shared: { gap, made: new Map(shared.made), ticks: new Map(shared.ticks) } }),
    };
  }

  async put(queue: string, { id, track, definition }: MadeSchedule): Promise<void> {
    const shared = this.#of(queue);
    const isNew = !shared.made.has(id);
    shared.made.set(id, definition);
    if (isNew || !shared.ticks.has(track)) shared.ticks.set(track, this.#backend.clock.now());
    change(shared);
  }

  async remove(queue: string, id: string): Promise<boolean> {
    const shared = this.#of(queue);
    const existed = shared.made.delete(id);
    if (existed) change(shared);
    return existed;
  }

  async read(queue: string) {
    const { made, ticks } = this.#of(queue);
    return { made: new Map(made), ticks: new Map(ticks) };
  }

  watch(queue: string, changed: () => void): () => void {
    const { watchers } = this.#of(queue);
    watchers.add(changed);
    return () => watchers.delete(changed);
  }

  #of(queue: string): QueueSchedules {
    const known = this.#backend.schedules.get(queue);
    if (known !== undefined) return known;
    const shared = new QueueSchedules();
    this.#backend.schedules.set(queue, shared);
    return shared;
  }
}

function change(shared: QueueSchedules): void {
  shared.version++;
  tell(shared);
}

function tell({ watchers }: QueueSchedules): void {
  for (const changed of watchers) changed();
}
