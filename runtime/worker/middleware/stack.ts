/** The order of all middleware around a handler. */
import type { Actor } from "../../actor.js";
import type { Broker } from "../../seams/broker.js";
import type { Clock } from "../../support/clock.js";
import { andThen, type MaybePromise } from "../../support/maybe.js";
import { arrange, type Layer, type MaybePlaced } from "../../middleware.js";
import type { Seal } from "../../wire/seal.js";
import type { Gates } from "../gate.js";
import type { Logger } from "../logger.js";
import type { Threads } from "../threads/index.js";
import type { Outcome } from "../outcome.js";
import type { Presence } from "../presence.js";
import type { RunningTask } from "../task.js";
import { compose, type Middleware, type Next } from "./compose.js";
import { control } from "./control.js";
import { exhausted } from "./exhausted.js";
import { flows } from "./flows.js";
import { input } from "./input.js";
import { limits } from "./limits.js";
import { pauses } from "./pauses.js";
import { maxAge } from "./max-age.js";
import { rescue } from "./rescue.js";
import { results } from "./results.js";
import { retries } from "./retries.js";
import { timeLimit } from "./time-limit.js";
import { track } from "./track.js";
import { unique } from "./unique.js";

/** What layers work with. */
export interface LayerContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly seal?: Seal | undefined;
  /** Knows which actors are paused; absent where the broker has no state store. */
  readonly presence?: Presence | undefined;
  readonly threads?: Threads | undefined;
  /** Where messages of limited actors wait. */
  readonly gates: Gates;
  /** Every actor that the worker knows, also those that it does not serve. */
  readonly actors: readonly Actor[];
}

/** What the stack is made with. */
export interface StackContext extends LayerContext {
  /** Decides what becomes of an attempt in which a layer threw, not the handler. */
  readonly broken: (task: RunningTask, error: unknown) => MaybePromise<Outcome>;
}

/** A layer of one actor's attempts. */
type AttemptLayer = (task: RunningTask, next: Next) => MaybePromise<Outcome>;

/**
 * Makes the layer of an actor; none for one that has no use for it, so that it costs nothing. `keepers`: those within it
 * that see to how an attempt ends.
 */
type MakeLayer = (actor: Actor, context: StackContext, keepers: readonly AttemptLayer[]) => AttemptLayer | undefined;

/** The layers that see to how an attempt ends: a flow goes on, a caller is told, a key is free, it is recorded. */
const keeping: readonly string[] = ["flows", "results", "unique", "track"] satisfies BuiltinLayer[];

/** The built-in layers, the outermost first. Users put theirs before or after them by these names. */
const builtin = [
  // Whoever watches from outside learns how an attempt ended, also where a layer threw.
  { name: "rescue", layer: (_, { broken }) => rescue(broken) },
  // Outside of the pauses: a flow is kept while a step of it is held back.
  { name: "flows", layer: (_, context) => flows(context) },
  {
    name: "pauses",
    layer: (_, { presence, random }) => (presence === undefined ? undefined : pauses(presence, random)),
  },
  { name: "results", layer: (actor, context) => (actor.output === undefined ? undefined : results(context)) },
  { name: "unique", layer: unique },
  { name: "control", layer: (_, context) => control(context) },
  { name: "track", layer: track },
  { name: "input", layer: (_, { seal }) => input(seal) },
  { name: "maxAge", layer: (_, context) => maxAge(context) },
  { name: "exhausted", layer: exhausted },
  {
    name: "limits",
    layer: (actor, { gates }) => {
      const gate = gates.of(actor);
      return gate === undefined ? undefined : limits(gate);
    },
  },
  { name: "retries", layer: (_, context) => retries(context) },
  { name: "isolate", layer: (actor, { threads }) => (actor.options.isolate ? threads?.layer : undefined) },
  { name: "timeLimit", layer: (_, { clock }) => timeLimit(clock) },
] as const satisfies readonly Layer<MakeLayer>[];

/** The name of the outermost layer: what is put before it is outside of all. */
export const OUTERMOST = builtin[0].name;

/** The names of the built-in layers. */
export type BuiltinLayer = (typeof builtin)[number]["name"];

const kinds: Readonly<Record<Outcome["kind"], true>> = {
  done: true,
  retry: true,
  dead: true,
  release: true,
  postpone: true,
  taken: true,
  cancelled: true,
};

/**
 * A user's middleware, held to its type: one that forgets to return an outcome, or goes on twice, fails the attempt.
 * Where it ends an attempt otherwise than the layers within did, the keepers among those are told.
 */
function guarded(middleware: Middleware, keepers: readonly AttemptLayer[]): AttemptLayer {
  const name = middleware.name || "middleware";
  return (task, next) => {
    let called = false;
    let within: Outcome["kind"] | undefined;
    const once = () => {
      if (called) throw new TypeError(`${name}: next() was called twice in one attempt`);
      called = true;
      return keepers.length === 0 ? next() : andThen(next(), (outcome) => ((within = outcome.kind), outcome));
    };
    return andThen(middleware(task, once), (outcome: Outcome | undefined) => {
      if (outcome === undefined || !Object.hasOwn(kinds, outcome.kind)) {
        throw new TypeError(`${name} returned no outcome: return what next() returned`);
      }
      if (keepers.length === 0 || outcome.kind === within) return outcome;
      return compose(keepers, () => outcome)(task);
    });
  };
}

/** Arranges the layers once; what it returns makes those of an actor. */
export function createStack(
  given: readonly MaybePlaced<Middleware>[],
  context: StackContext,
): (actor: Actor) => readonly AttemptLayer[] {
  const makers = arrange<MakeLayer, Middleware>(
    builtin,
    given,
    (middleware) => (_actor, _context, keepers) => guarded(middleware, keepers),
  );
  // One that stands in the place of a keeper does as it likes.
  const isKeeper = (each: Layer<MakeLayer>) => keeping.includes(each.name) && builtin.some((known) => known === each);
  return (actor) => {
    let layers: readonly AttemptLayer[] = [];
    let keepers: readonly AttemptLayer[] = [];
    for (const maker of makers.toReversed()) {
      // Nobody watches: whoever runs the stack does the same without a layer.
      if (maker === makers[0] && maker === builtin[0]) continue;
      const made = maker.layer(actor, context, keepers);
      if (made === undefined) continue;
      layers = [made, ...layers];
      if (isKeeper(maker)) keepers = [made, ...keepers];
    }
    return layers;
  };
}
