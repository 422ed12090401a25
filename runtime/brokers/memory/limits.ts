/** Limits in memory. What is stored, and each step, is that of Redis: see `redis/limits.lua`. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../support/clock.js";
import {
  linesOf,
  turnOf,
  type Acquired,
  type Call,
  type LimitScope,
  type LimitStore,
  type Line,
  type Place,
  type Progress,
  type Waiting,
} from "../../seams/limits.js";
import type { MemoryBackend } from "./backend.js";

/** A message that was parked. */
interface Parked {
  readonly id: string;
  readonly publication: Waiting["publication"];
  readonly turn: number;
  readonly lines: readonly Line[];
  /** The line that it stands in; absent while it is called. */
  line: Line | undefined;
  /** Its last call; until when its place is kept. */
  ticket: string | undefined;
  keptUntil: number;
}

/** Times by who has something until then, or since then. */
type Times = Map<string, number>;

/** What is known of a scope. */
export class MemoryScope {
  readonly parked = new Map<string, Parked>();
  /** Places kept for those who were called, by line. */
  readonly kept = new Map<Line, Times>();
  /** The ends of leases by token, for each key. */
  readonly slots = new Map<string, Times>();
  /** The starts by token, for each key of a window. */
  readonly starts = new Map<string, Times>();
  /** When each key's bucket is full again. */
  readonly full = new Map<string, number>();
  readonly watchers = new Set<() => void>();
}

export class MemoryLimits implements LimitStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async acquire(scope: LimitScope, place: Place, waiting?: Waiting): Promise<Acquired> {
    return this.#step(scope).acquire(place, waiting);
  }

  async renew(scope: LimitScope, places: readonly Place[]): Promise<readonly string[]> {
    return this.#step(scope).renew(places);
  }

  async release(scope: LimitScope, place: Place): Promise<Progress> {
    return this.#step(scope).release(place);
  }

  async advance(scope: LimitScope): Promise<Progress> {
    return this.#step(scope).advance();
  }

  async published(scope: LimitScope, calls: readonly Call[]): Promise<void> {
    const { parked } = this.#state(scope.name);
    for (const { id, ticket } of calls) if (parked.get(id)?.ticket === ticket) parked.delete(id);
  }

  async parked(name: string): Promise<number> {
    return this.#state(name).parked.size;
  }

  watch({ name }: LimitScope, freed: () => void): () => void {
    const { watchers } = this.#state(name);
    watchers.add(freed);
    return () => watchers.delete(freed);
  }

  #step(scope: LimitScope): Step {
    return new Step(scope, this.#state(scope.name), this.#backend.clock);
  }

  #state(name: string): MemoryScope {
    const { limits } = this.#backend;
    const state = limits.get(name) ?? new MemoryScope();
    limits.set(name, state);
    return state;
  }
}

/** One step, at one time: what a script is in Redis. */
class Step {
  readonly #scope: LimitScope;
  readonly #state: MemoryScope;
  readonly #clock: Clock;
  readonly #time: number;
  readonly #calls: Call[] = [];

  constructor(scope: LimitScope, state: MemoryScope, clock: Clock) {
    this.#scope = scope;
    this.#state = state;
    this.#clock = clock;
    this.#time = clock.now();
  }

  acquire(place: Place, waiting: Waiting | undefined): Acquired {
    const lines = linesOf(place);
    if (lines.some((line) => this.#isPlaced(line, place.token))) return { kind: "placed", ...this.#progress() };
    const id = waiting?.publication.id;
    const wasCalled = waiting?.turn !== undefined;
    const known = id === undefined ? undefined : this.#state.parked.get(id);
    if (known !== undefined) {
      if (!wasCalled || known.line !== undefined) return { kind: "parked", ...this.#progress() };
      this.#state.parked.delete(known.id);
    }
    if (id !== undefined && wasCalled) for (const line of lines) this.#state.kept.get(line)?.delete(id);

    const refused =
      this.#refusing(lines, wasCalled) ?? (wasCalled ? undefined : lines.find((line) => this.#first(line)));
    if (refused === undefined) {
      for (const line of lines) this.#take(line, place.token);
      if (wasCalled) for (const line of lines) this.#move(line);
      return { kind: "placed", ...this.#progress() };
    }
    if (waiting === undefined) return { kind: "refused", wait: Math.max(1, this.#opening(refused) - this.#time) };
    this.#park(waiting, lines, refused);
    for (const line of lines) this.#move(line);
    return { kind: "parked", ...this.#progress() };
  }

  renew(places: readonly Place[]): readonly string[] {
    const lost: string[] = [];
    for (const { token, concurrencyKey = "" } of places) {
      const slots = this.#state.slots.get(concurrencyKey);
      if (slots?.has(token) === true) slots.set(token, this.#time + (this.#scope.concurrency?.lease ?? 0));
      else lost.push(token);
    }
    return lost;
  }

  release({ token, concurrencyKey = "" }: Place): Progress {
    if (this.#state.slots.get(concurrencyKey)?.delete(token) === true) {
      for (const freed of this.#state.watchers) freed();
      this.#move(`c:${concurrencyKey}`);
    }
    return this.#progress();
  }

  advance(): Progress {
    for (const parked of this.#state.parked.values()) {
      if (parked.line === undefined && parked.keptUntil <= this.#time) parked.line = parked.lines[0];
    }
    for (const line of this.#waitingLines()) this.#move(line);
    return this.#progress();
  }

  #isPlaced(line: Line, token: string): boolean {
    const [limit, key] = split(line);
    return (limit === "c" ? this.#state.slots : this.#state.starts).get(key)?.has(token) === true;
  }

  #park({ publication, turn }: Waiting, lines: readonly Line[], line: Line): void {
    const { id, priority } = publication;
    this.#state.parked.set(id, {
      id,
      publication,
      turn: turn ?? turnOf(priority, this.#time),
      lines,
      line,
      ticket: undefined,
      keptUntil: 0,
    });
  }

  /** How many places of a line are taken. */
  #taken(line: Line): number {
    const [limit, key] = split(line);
    const { rate } = this.#scope;
    if (limit === "c") return count(this.#state.slots, key, this.#time);
    if (rate?.kind !== "bucket") return count(this.#state.starts, key, this.#time - (rate?.per ?? 0));
    const { full, interval } = this.#bucket(key);
    return Math.max(0, Math.ceil((full - this.#time - 0.001) / interval));
  }

  #bucket(key: string): { readonly full: number; readonly interval: number } {
    const { limit = 1, per = 0 } = this.#scope.rate ?? {};
    return { full: Math.max(this.#time, this.#state.full.get(key) ?? 0), interval: per / limit };
  }

  /** Whether there is a place. One who was called may take any that nobody holds. */
  #hasRoom(line: Line, wasCalled = false): boolean {
    const limit = this.#limitOf(line);
    if (limit === undefined) return true;
    const taken = this.#taken(line);
    return taken < limit && (wasCalled || taken + count(this.#state.kept, line, this.#time) < limit);
  }

  #limitOf(line: Line): number | undefined {
    return (split(line)[0] === "c" ? this.#scope.concurrency : this.#scope.rate)?.limit;
  }

  #refusing(lines: readonly Line[], wasCalled = false): Line | undefined {
    return lines.find((line) => !this.#hasRoom(line, wasCalled));
  }

  /** The time at which a place may come free without anybody's doing. */
  #opening(line: Line): number {
    if (this.#hasRoom(line)) return this.#time;
    const [limit, key] = split(line);
    const kept = earliest(this.#state.kept.get(line));
    if (limit === "c") return Math.min(earliest(this.#state.slots.get(key)), kept);
    if (this.#scope.rate?.kind !== "bucket") {
      return Math.min(earliest(this.#state.starts.get(key)) + (this.#scope.rate?.per ?? 0), kept);
    }
    const { full, interval } = this.#bucket(key);
    const taken = this.#taken(line);
    return Math.min(taken > 0 ? Math.ceil(full - (taken - 1) * interval) : Infinity, kept);
  }

  #take(line: Line, token: string): void {
    const [limit, key] = split(line);
    const { concurrency, rate } = this.#scope;
    if (limit === "c" && concurrency !== undefined) {
      timesOf(this.#state.slots, key).set(token, this.#time + concurrency.lease);
    } else if (limit === "r" && rate?.kind === "window") {
      timesOf(this.#state.starts, key).set(token, this.#time);
      this.#after(rate.per, () => void count(this.#state.starts, key, this.#clock.now() - rate.per));
    } else if (limit === "r" && rate !== undefined) {
      const { full, interval } = this.#bucket(key);
      this.#state.full.set(key, full + interval);
      this.#after(full + interval - this.#time, () => {
        if ((this.#state.full.get(key) ?? 0) <= this.#clock.now()) this.#state.full.delete(key);
      });
    }
  }

  /** Forgets what has had its time. */
  #after(milliseconds: number, forget: () => void): void {
    this.#clock.after(milliseconds, forget, { background: true });
  }

  /** Calls those of a line for whom there is a place; one that has to wait for its other limit goes over to that line. */
  #move(line: Line): void {
    while (this.#hasRoom(line)) {
      const first = this.#first(line);
      if (first === undefined) return;
      const other = this.#refusing(first.lines);
      if (other === undefined) this.#call(first);
      else first.line = other;
    }
  }

  #first(line: Line): Parked | undefined {
    let first: Parked | undefined;
    for (const parked of this.#state.parked.values()) {
      if (parked.line === line && (first === undefined || isBefore(parked, first))) first = parked;
    }
    return first;
  }

  #call(parked: Parked): void {
    const { id, turn, publication, lines } = parked;
    const ticket = randomUUID();
    Object.assign(parked, {
      line: undefined,
      ticket,
      keptUntil: this.#time + this.#scope.reservation,
    } satisfies Partial<Parked>);
    for (const line of lines) timesOf(this.#state.kept, line).set(id, parked.keptUntil);
    this.#calls.push({ id, ticket, turn, publication });
  }

  #waitingLines(): ReadonlySet<Line> {
    const lines = new Set<Line>();
    for (const { line } of this.#state.parked.values()) if (line !== undefined) lines.add(line);
    return lines;
  }

  #progress(): Progress {
    const parked = [...this.#state.parked.values()];
    const unheard = parked.filter(({ line }) => line === undefined).map(({ keptUntil }) => keptUntil);
    const openings = [...this.#waitingLines()].map((line) => this.#opening(line));
    const due = Math.min(...unheard, ...openings);
    return due === Infinity ? { calls: this.#calls } : { calls: this.#calls, next: Math.max(0, due - this.#time) };
  }
}

function split(line: Line): readonly [limit: string, key: string] {
  return [line.slice(0, 1), line.slice(2)];
}

function isBefore(one: Parked, other: Parked): boolean {
  return one.turn < other.turn || (one.turn === other.turn && one.id < other.id);
}

function timesOf<Key>(all: Map<Key, Times>, key: Key): Times {
  const times = all.get(key) ?? new Map<string, number>();
  all.set(key, times);
  return times;
}

/** How many have something that lasts beyond a time; the others are forgotten. */
function count<Key>(all: Map<Key, Times>, key: Key, time: number): number {
  const times = all.get(key);
  if (times === undefined) return 0;
  for (const [who, until] of times) if (until <= time) times.delete(who);
  if (times.size === 0) all.delete(key);
  return times.size;
}

function earliest(times: Times | undefined): number {
  return Math.min(Infinity, ...(times?.values() ?? []));
}
