/** Sends a flow: every message is checked, the flow is written into its store, then its first messages leave. */
import type { Broker, Publication } from "../../seams/broker.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { Duration } from "../../vocabulary/duration.js";
import { InvalidInputError, InvalidOptionError, NotSentError } from "../../vocabulary/errors.js";
import {
  stepId,
  type FlowMeta,
  type FlowNode,
  type FlowStore,
  type ReadyMessage,
  type TakingStep,
} from "../../seams/flows.js";
import { duration, refuseUnknownOptions } from "../../support/given-options.js";
import { createId } from "../../wire/id.js";
import { maxAgeOf, prepare, type Posting } from "../../sending/posting.js";
import type { StepPart } from "./part.js";
import type { Plan, PlannedNode } from "./plan.js";

/** How a flow is sent. */
export interface FlowOptions {
  /**
   * How long its state is kept while nothing happens to it; a step that comes later is a dead letter. Delays, waits for
   * a retry, for an actor that is paused and for a limit are added. Default: `"7d"`, as long as dead letters are kept.
   */
  readonly ttl?: Duration;
  /** How long to hold its first messages back, where they do not say longer themselves. Default: not at all. */
  readonly delay?: Duration;
}

/** Sends it; resolves to its id when the broker has its first messages. */
export async function sendFlow(plan: Plan, options: FlowOptions = {}): Promise<string> {
  const { ttl, delay } = readOptions(options);
  const { broker } = plan;
  const store = storeOf(broker);
  const id = createId();
  const reply = broker.results.addressedOnly === true ? await broker.results.address() : undefined;
  const made = await Promise.all(
    plan.nodes.map((node, index) => publicationOf(plan, node, { id, index, reply, delay: node.head ? delay : 0 })),
  );
  const first = made.flatMap((message, index) => (plan.nodes[index]?.head === true ? (message ?? []) : []));
  await store.create(id, {
    ttl,
    nodes: plan.nodes.map((node, index) => nodeOf(node, made[index])),
    afterwards: Math.min(ttl, defaults.flow.afterwards),
    meta: JSON.stringify(metaOf(plan, ttl, reply)),
  });
  try {
    const held = Math.max(...first.map((each) => each.delay));
    if (held > 0) await store.extend(id, held);
    await broker.publish(first);
  } catch (error) {
    // Whoever is told that it was not sent will send it again: what arrived of it all the same is not to run.
    await store.cancel(id).catch(() => undefined);
    throw error;
  }
  return id;
}

function readOptions(options: FlowOptions): { readonly ttl: number; readonly delay: number } {
  refuseUnknownOptions("the flow", options, ["ttl", "delay"] satisfies (keyof FlowOptions)[]);
  const ttl = duration('"ttl"', options.ttl) ?? defaults.flow.ttl;
  if (ttl === 0) throw new InvalidOptionError('"ttl" must be more than 0: what is not kept is forgotten at once.');
  return { ttl, delay: duration('"delay"', options.delay) ?? 0 };
}

/** The store that a flow needs. */
export function storeOf({ name, state }: Broker): FlowStore {
  if (state !== undefined) return state.flows;
  const help = 'give it one, such as redisState(url), as its option "state"';
  throw new InvalidOptionError(`${name} has no store for pipelines and groups: ${help}.`);
}

function metaOf({ nodes, last, seal }: Plan, ttl: number, reply: string | undefined): FlowMeta {
  const kept = nodes.map(({ step }) => step?.posting.options?.resultTtl ?? step?.posting.actor.options.resultTtl ?? 0);
  return { last, reply, resultTtl: Math.min(ttl, Math.max(...kept)), ...(seal !== undefined && { sealed: true }) };
}

/** Which node of which flow a message is made for. */
interface Turn {
  readonly id: string;
  readonly index: number;
  readonly reply: string | undefined;
  /** How long the message is held back at least, in milliseconds. */
  readonly delay: number;
}

/** The message of a step that has its input. */
async function publicationOf(plan: Plan, node: PlannedNode, turn: Turn): Promise<Publication | undefined> {
  const { step, place } = node;
  if (step?.given === undefined) return undefined;
  try {
    return await through(step, step.given.input, turn);
  } catch (error) {
    throw error instanceof InvalidInputError && plan.nodes.length > 1 ? error.within(place) : error;
  }
}

/** The client's middleware sees each message whose input is known, before any of them is sent. */
async function through(step: StepPart, input: unknown, turn: Turn): Promise<Publication> {
  const { id: flow, index, reply } = turn;
  const id = stepId(flow, index);
  const least = Math.max(step.posting.delay, turn.delay);
  const posting = { ...step.posting, delay: least, flow: { id: flow, node: index, copy: 1 } };
  if (step.through === undefined) return prepare(posting, input, reply, id);
  const { actor, priority, delay, headers = {} } = posting;
  let made: Publication | undefined;
  await step.through({ id, actor, input, headers, priority, delay }, async ({ input, headers, priority, delay }) => {
    made = await prepare({ ...posting, headers, priority, delay }, input, reply, id);
  });
  if (made === undefined) throw new NotSentError(actor.name);
  return made;
}

/** A node as the store keeps it. `made`: its message, where it has its input. */
function nodeOf({ place: _, step, head, ...node }: PlannedNode, made: Publication | undefined): FlowNode {
  if (step === undefined || head === true) return node;
  const { posting } = step;
  const message = made === undefined ? takingOf(posting) : readyOf(posting, made);
  return { ...node, ...(message.delay !== undefined && { delay: message.delay }), message: JSON.stringify(message) };
}

function readyOf(posting: Posting, { queue, priority, delay, body }: Publication): ReadyMessage {
  return { queue, priority, delay, maxAge: maxAgeOf(posting), body };
}

function takingOf(posting: Posting): TakingStep {
  const { actor, priority, delay, headers, options, seal } = posting;
  const { queue, partitions } = actor.options;
  return {
    ...{ actor: actor.name, v: actor.fingerprint, queue, priority, headers, options, maxAge: maxAgeOf(posting) },
    ...(partitions > 1 && { partitions }),
    ...(delay > 0 && { delay }),
    ...(actor.input.tagged && { tagged: true }),
    ...(seal !== undefined && { sealed: true }),
  };
}
