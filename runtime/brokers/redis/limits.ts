/** Limits in Redis. */
import { randomUUID } from "node:crypto";
import type { Publication } from "../../seams/broker.js";
import {
  linesOf,
  turnOf,
  type Acquired,
  type Call,
  type LimitScope,
  type LimitStore,
  type Place,
  type Progress,
  type Waiting,
} from "../../seams/limits.js";
import { defaults } from "../../vocabulary/defaults.js";
import { Bells } from "./bells.js";
import { limitKeys, limitScopesKey } from "./keys.js";
import { scripts, type ProgressReply } from "./scripts.js";
import type { StateContext } from "./state.js";

export class RedisLimits implements LimitStore {
  readonly #context: StateContext;
  readonly #bells: Bells;

  constructor(context: StateContext) {
    this.#context = context;
    this.#bells = new Bells(context.subscriber);
  }

  async acquire(scope: LimitScope, place: Place, waiting?: Waiting): Promise<Acquired> {
    const { publication, turn } = waiting ?? {};
    const message = [
      publication?.id ?? "",
      publication === undefined ? "" : write(publication),
      turn ?? "",
      turnOf(publication?.priority ?? 0, 0),
    ];
    const ticket = randomUUID();
    const { acquire } = scripts.limits;
    const args = [...this.#args(scope, ticket), place.token, ...message, ...linesOf(place)];
    const reply = await this.#context.connection.run(acquire, this.#keys(scope), args);
    switch (reply[0]) {
      case "placed":
      case "parked":
        return { kind: reply[0], ...readProgress(reply[1], ticket) };
      case "refused":
        return { kind: "refused", wait: reply[1] };
    }
  }

  async renew(scope: LimitScope, places: readonly Place[]): Promise<readonly string[]> {
    const { slots } = limitKeys(this.#context.prefix, scope.name);
    const keys = places.map(({ concurrencyKey = "" }) => slots(concurrencyKey));
    const args = [scope.concurrency?.lease ?? 0, ...places.map(({ token }) => token)];
    return this.#context.connection.run(scripts.limits.renew, keys, args);
  }

  async release(scope: LimitScope, { token, concurrencyKey = "" }: Place): Promise<Progress> {
    const ticket = randomUUID();
    const channel = scope.watched === true ? limitKeys(this.#context.prefix, scope.name).freed : "";
    const args = [...this.#args(scope, ticket), token, concurrencyKey, channel];
    return readProgress(await this.#context.connection.run(scripts.limits.release, this.#keys(scope), args), ticket);
  }

  async advance(scope: LimitScope, { anew = false } = {}): Promise<Progress> {
    const ticket = randomUUID();
    const args = [...this.#args(scope, ticket), anew ? 1 : 0];
    return readProgress(await this.#context.connection.run(scripts.limits.advance, this.#keys(scope), args), ticket);
  }

  async decline(scope: LimitScope, id: string, place: Place): Promise<Progress> {
    const ticket = randomUUID();
    const args = [...this.#args(scope, ticket), id, ...linesOf(place)];
    return readProgress(await this.#context.connection.run(scripts.limits.decline, this.#keys(scope), args), ticket);
  }

  async published(scope: LimitScope, calls: readonly Call[]): Promise<void> {
    const keys = this.#keys(scope);
    const { published } = scripts.limits;
    // All that one script called have one ticket.
    for (const ticket of new Set(calls.map((call) => call.ticket))) {
      const ids = calls.filter((call) => call.ticket === ticket).map(({ id }) => id);
      await this.#context.connection.run(published, keys, [...this.#args(scope, ticket), ...ids]);
    }
  }

  parked(name: string): Promise<number> {
    return this.#context.connection.command((redis) => redis.hlen(limitKeys(this.#context.prefix, name).parked));
  }

  async attend(names: readonly string[], patience: number): Promise<readonly string[]> {
    const alone = await this.#attend(patience, names, []);
    const waits = alone.map((name) => this.#somebodyWaits(name));
    const somebody = await Promise.all(waits);
    const empty = alone.filter((_, i) => somebody[i] === false);
    if (empty.length > 0) await this.#attend(patience, [], empty);
    return alone.filter((name) => !empty.includes(name));
  }

  #attend(patience: number, names: readonly string[], forgotten: readonly string[]): Promise<readonly string[]> {
    const { prefix, connection } = this.#context;
    return connection.run(
      scripts.limits.attend,
      [limitScopesKey(prefix)],
      [patience, defaults.broker.queueMemory, names.length, ...names, ...forgotten],
    );
  }

  async #somebodyWaits(name: string): Promise<boolean> {
    const { prefix, connection } = this.#context;
    return (await connection.command((redis) => redis.exists(limitKeys(prefix, name).parked))) === 1;
  }

  watch(scope: LimitScope, freed: () => void): Promise<() => void> {
    return this.#bells.listen(limitKeys(this.#context.prefix, scope.name).freed, freed);
  }

  /** KEYS of every script, as limits.lua names them. */
  #keys({ name, rate }: LimitScope): readonly string[] {
    const { parked, records, due, calls, line, kept, slots, starts } = limitKeys(this.#context.prefix, name);
    return [parked, records, due(""), calls, line(""), kept(""), slots(""), starts(rate?.kind ?? "window", "")];
  }

  /** The first of ARGV of every script. */
  #args({ concurrency, rate, reservation }: LimitScope, ticket: string): readonly (string | number)[] {
    return [
      ...[concurrency?.limit ?? 0, concurrency?.lease ?? 0],
      ...[rate?.limit ?? 0, rate?.per ?? 0, rate?.kind ?? "window"],
      ...[reservation, ticket],
    ];
  }
}

/** A publication as it is parked. A queue's name has no blanks. */
function write({ queue, priority, body }: Publication): string {
  return `${queue} ${priority} ${body}`;
}

function read(id: string, text: string): Publication {
  const [, queue = "", priority = "", body = ""] = /^(\S*) (\S*) (.*)$/s.exec(text) ?? [];
  return { id, queue, priority: Number(priority), delay: 0, body };
}

function readProgress([next, flat]: ProgressReply, ticket: string): Progress {
  const calls: Call[] = [];
  for (let i = 0; i + 2 < flat.length; i += 3) {
    const [id = "", turn = "", publication = ""] = flat.slice(i, i + 3);
    calls.push({ id, ticket, turn: Number(turn), publication: read(id, publication) });
  }
  return next === -1 ? { calls } : { calls, next };
}
