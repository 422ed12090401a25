/** Which actors a worker has, in which queues, and who does the work of each. */
import type { Actor } from "../actor.js";
import { InvalidOptionError, MissingHandlerError } from "../vocabulary/errors.js";
import { findDisagreements, partitionsOf } from "../vocabulary/partitions.js";
import type { Serving } from "./dispatch.js";
import type { AnyHandler, Handlers } from "./handler.js";
import type { ThreadHandler, Threads } from "./threads/index.js";

/** Actors as generated code knows them: by group, then by export. */
export type Actors = Readonly<Record<string, Readonly<Record<string, Actor>>>>;

/** An actor, and where its handler is found. */
interface Member extends ThreadHandler {
  readonly actor: Actor;
}

/** The actors of all queues, whether the worker takes from them or not. */
export class Roster {
  /** Every queue that a contract names. */
  readonly queues: readonly string[];
  readonly #members: readonly Member[];
  readonly #handlers: Handlers;
  readonly #threads: Threads | undefined;

  constructor(actors: Actors, handlers: Handlers, threads: Threads | undefined) {
    this.#members = Object.entries(actors).flatMap(([group, members]) =>
      Object.entries(members).map(([name, actor]) => ({ group, name, actor })),
    );
    this.#handlers = handlers;
    this.#threads = threads;
    this.queues = [...new Set(this.actors.map(({ options }) => options.queue))].sort();
    const [disagreement] = findDisagreements(this.actors);
    if (disagreement !== undefined) throw new InvalidOptionError(disagreement.message);
  }

  get actors(): readonly Actor[] {
    return this.#members.map(({ actor }) => actor);
  }

  /** What queues are made of, partitions one by one. All actors of a queue say the same. */
  partitionsOf(queues: readonly string[]): readonly string[] {
    return queues.flatMap((queue) => {
      const user = this.actors.find(({ options }) => options.queue === queue);
      return user === undefined ? [queue] : partitionsOf(queue, user.options.partitions);
    });
  }

  /** The names of some queues' actors. */
  namesOf(queues: readonly string[]): readonly string[] {
    return this.actors.filter(({ options }) => queues.includes(options.queue)).map(({ name }) => name);
  }

  /** The actors of some queues with their handlers. Throws when one is missing. */
  serving(queues: readonly string[]): readonly Serving[] {
    const serving: Serving[] = [];
    const missing: string[] = [];
    for (const member of this.#members) {
      const { actor } = member;
      const isNeeded = queues.includes(actor.options.queue);
      const handler = actor.options.isolate ? isNeeded && this.#inThread(member) : this.#handlerOf(member);
      if (typeof handler === "function") serving.push({ actor, handler });
      else if (isNeeded) missing.push(actor.name);
    }
    if (missing.length > 0) throw new MissingHandlerError(missing);
    return serving;
  }

  /** The actors of some queues that run in threads. */
  isolated(queues: readonly string[]): readonly ThreadHandler[] {
    return this.#members
      .filter(({ actor: { options } }) => options.isolate && queues.includes(options.queue))
      .map(({ group, name }) => ({ group, name }));
  }

  /** Handlers that no actor has: a misspelt name, or an actor that was renamed. */
  strangers(): readonly string[] {
    const known = new Set(this.#members.map(({ group, name }) => `${group}.${name}`));
    return Object.entries(this.#handlers)
      .flatMap(([group, handlers]) => Object.keys(handlers ?? {}).map((name) => `${group}.${name}`))
      .filter((name) => !known.has(name));
  }

  #handlerOf({ group, name }: Member): AnyHandler | undefined {
    return this.#handlers[group]?.[name];
  }

  #inThread({ group, name, actor }: Member): AnyHandler {
    if (this.#threads !== undefined) return this.#threads.handler(group, name);
    const example = 'createWorker(broker, handlers, { isolate: new URL("./handlers/index.js", import.meta.url) })';
    throw new InvalidOptionError(`${actor.name} runs in a thread; say where that finds its handler: ${example}.`);
  }
}
