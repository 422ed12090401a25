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

/** Times by who has something until then. */
type Times = Map<string, number>;

/** What is known of a scope. What has had its time is forgotten, and the whole where nothing is left of it. */
export class MemoryScope {
  readonly parked = new Map<string, Parked>();
  /** Places kept for those who were called, by line. */
  readonly kept = new Map<Line, Times>();
  /** The ends of leases by token, for each key. */
  readonly slots = new Map<string, Times>();
  /** Until when each start counts, by token, for each key of a window. */
  readonly starts = new Map<string, Times>();
  /** When each key's bucket is full again. */
  readonly full = new Map<string, number>();
  readonly watchers = new Set<() => void>();
  /** When a worker last saw to it. */
  attended: number;
  readonly #clock: Clock;
  readonly #forget: () => void;

  /** `forget`: nothing is left of it. */
  constructor(clock: Clock, forget: () => void) {
    this.#clock = clock;
    this.#forget = forget;
    this.attended = clock.now();
  }

  /** Notes that somebody has something until then. */
  note<Key>(all: Map<Key, Times>, key: Key, who: string, until: number): void {
    const known = all.get(key);
    if (known !== undefined) return void known.set(who, until);
    const times = new Map([[who, until]]);
    all.set(key, times);
    this.#watch(all, key, times);
  }

  /** Notes when a key's bucket is full again. */
  fill(key: string, full: number): void {
    this.full.set(key, full);
    this.#after(full - this.#clock.now(), () => {
      if ((this.full.get(key) ?? 0) <= this.#clock.now()) this.full.delete(key);
      this.tidy();
    });
  }

  /** Is forgotten where it is empty. */
  tidy(): void {
    const { parked, kept, slots, starts, full, watchers } = this;
    if ([parked, kept, slots, starts, full, watchers].every(({ size }) => size === 0)) this.#forget();
  }

  #watch<Key>(all: Map<Key, Times>, key: Key, times: Times): void {
    this.#after(earliest(times) - this.#clock.now(), () => {
      if (all.get(key) === times && count(all, key, this.#clock.now()) > 0) this.#watch(all, key, times);
      else this.tidy();
    });
  }

  #after(milliseconds: number, then: () => void): void {
    this.#clock.after(milliseconds, then, { background: true });
  }
}

export class MemoryLimits implements LimitStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async acquire(scope: LimitScope, place: Place, waiting?: Waiting): Promise<Acquired> {
    return this.#step(scope, (step) => step.acquire(place, waiting));
  }

  async renew(scope: LimitScope, places: readonly Place[]): Promise<readonly string[]> {
    return this.#step(scope, (step) => step.renew(places));
  }

  async release(scope: LimitScope, place: Place): Promise<Progress> {
    return this.#step(scope, (step) => step.release(place));
  }

  async advance(scope: LimitScope): Promise<Progress> {
    return this.#step(scope, (step) => step.advance());
  }

  async decline(scope: LimitScope, id: string): Promise<Progress> {
    return this.#step(scope, (step) => step.decline(id));
  }

  async published(scope: LimitScope, calls: readonly Call[]): Promise<void> {
    this.#step(scope, (step) => step.published(calls));
  }

  async parked(name: string): Promise<number> {
    return this.#backend.limits.get(name)?.parked.size ?? 0;
  }

  async attend(names: readonly string[], patience: number): Promise<readonly string[]> {
    const now = this.#backend.clock.now();
    const { limits } = this.#backend;
    for (const name of names) {
      const scope = limits.get(name);
      if (scope !== undefined) scope.attended = now;
    }
    const alone = [...limits].filter(([, { attended }]) => attended <= now - patience);
    return alone.flatMap(([name, { parked }]) => (parked.size > 0 ? [name] : []));
  }

  watch({ name }: LimitScope, freed: () => void): () => void {
    const state = this.#state(name);
    state.watchers.add(freed);
    return () => {
      state.watchers.delete(freed);
      state.tidy();
    };
  }

  #step<T>(scope: LimitScope, take: (step: Step) => T): T {
    const state = this.#state(scope.name);
    const taken = take(new Step(scope, state, this.#backend.clock.now()));
    state.tidy();
    return taken;
  }

  #state(name: string): MemoryScope {
    const { limits, clock } = this.#backend;
    const known = limits.get(name);
    if (known !== undefined) return known;
    const forget = () => {
      // Another one may have its name by then.
      if (limits.get(name) === state) limits.delete(name);
    };
    const state = new MemoryScope(clock, forget);
    limits.set(name, state);
    return state;
  }
}

/** One step, at one time: what a script is in Redis. */
class Step {
  readonly #scope: LimitScope;
  readonly #state: MemoryScope;
  readonly #time: number;
  readonly #calls: Call[] = [];

  constructor(scope: LimitScope, state: MemoryScope, time: number) {
    this.#scope = scope;
    this.#state = state;
    this.#time = time;
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
    const freed = id !== undefined && wasCalled ? this.#freeKept(id) : [];

    const refused =
      this.#refusing(lines, wasCalled) ?? (wasCalled ? undefined : lines.find((line) => this.#first(line)));
    if (refused === undefined) {
      for (const line of lines) this.#take(line, place.token);
      if (wasCalled) for (const line of [...lines, ...freed]) this.#move(line);
      return { kind: "placed", ...this.#progress() };
    }
    if (waiting === undefined) return { kind: "refused", wait: Math.max(1, this.#opening(refused) - this.#time) };
    this.#park(waiting, lines, refused);
    for (const line of [...lines, ...freed]) this.#move(line);
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
    if (drop(this.#state.slots, concurrencyKey, token)) {
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

  decline(id: string): Progress {
    const { parked } = this.#state;
    const known = parked.get(id);
    if (known !== undefined && known.line === undefined) parked.delete(id);
    for (const line of this.#freeKept(id)) this.#move(line);
    return this.#progress();
  }

  /** Frees the places that are kept for a message, under whichever key it was called, and returns their lines. */
  #freeKept(id: string): readonly Line[] {
    const { kept } = this.#state;
    return [...kept.keys()].filter((line) => drop(kept, line, id));
  }

  published(calls: readonly Call[]): void {
    const { parked } = this.#state;
    for (const { id, ticket } of calls) if (parked.get(id)?.ticket === ticket) parked.delete(id);
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
    if (rate?.kind !== "bucket") {
      this.#cutStarts(key);
      return count(this.#state.starts, key, this.#time);
    }
    const { full, interval } = this.#bucket(key);
    return Math.max(0, Math.ceil((full - this.#time - 0.001) / interval));
  }

  /** Other limits may have had starts count for longer than these do. */
  #cutStarts(key: string): void {
    const { starts } = this.#state;
    const latest = this.#time + (this.#scope.rate?.per ?? 0);
    for (const [token, until] of starts.get(key) ?? []) if (until > latest) starts.get(key)?.set(token, latest);
  }

  #bucket(key: string): { readonly full: number; readonly interval: number } {
    const { limit = 1, per = 0 } = this.#scope.rate ?? {};
    const full = this.#state.full.get(key) ?? 0;
    // Other limits may have emptied it for longer than it takes to fill under these.
    if (full > this.#time + per + 1) this.#state.fill(key, this.#time + per);
    return { full: Math.max(this.#time, Math.min(full, this.#time + per)), interval: per / limit };
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
      return Math.min(earliest(this.#state.starts.get(key)), kept);
    }
    const { full, interval } = this.#bucket(key);
    const taken = this.#taken(line);
    return Math.min(taken > 0 ? Math.ceil(full - (taken - 1) * interval) : Infinity, kept);
  }

  #take(line: Line, token: string): void {
    const [limit, key] = split(line);
    const { concurrency, rate } = this.#scope;
    if (limit === "c" && concurrency !== undefined) {
      this.#state.note(this.#state.slots, key, token, this.#time + concurrency.lease);
    } else if (limit === "r" && rate?.kind === "window") {
      this.#state.note(this.#state.starts, key, token, this.#time + rate.per);
    } else if (limit === "r" && rate !== undefined) {
      const { full, interval } = this.#bucket(key);
      this.#state.fill(key, full + interval);
    }
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
    for (const line of lines) this.#state.note(this.#state.kept, line, id, parked.keptUntil);
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

/** Whether somebody had it, and has it no longer. */
function drop<Key>(all: Map<Key, Times>, key: Key, who: string): boolean {
  const times = all.get(key);
  if (times?.delete(who) !== true) return false;
  if (times.size === 0) all.delete(key);
  return true;
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
