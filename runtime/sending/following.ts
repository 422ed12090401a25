/** What follows the end of a flow's step: the messages of the next steps, and what those who wait are told. */
import type { Actor } from "../actor.js";
import type { Broker, Publication } from "../seams/broker.js";
import type { Clock } from "../support/clock.js";
import { encodeEnvelope, MOST_HEADERS, reissue, type Headers, type FlowPlace } from "../wire/envelope.js";
import { UnsealableError } from "../vocabulary/errors.js";
import {
  FLOW,
  stepId,
  type FlowMeta,
  type Following,
  type ReadyMessage,
  type ReadyStep,
  type StepMessage,
  type StepValue,
  type TakingStep,
} from "../seams/flows.js";
import { assertSize, encodeInput } from "../wire/input.js";
import { createPartitioner } from "./partitioner.js";
import type { StoredFailure, StoredResult } from "../seams/results.js";
import type { Seal } from "../wire/seal.js";
import { assertFits } from "../wire/stored-result.js";
import { TAGGED, toTagged } from "../vocabulary/tagged.js";
import { readValue, sealValue } from "../wire/wire-value.js";

/** What a worker hands on with. */
export interface HandingOn {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly seal?: Seal | undefined;
  /** Those whose partition keys are known. */
  readonly actors: readonly Actor[];
}

/** What is to be sent and told. */
export interface Parcel {
  readonly publications: readonly Publication[];
  readonly results: readonly { readonly id: string; readonly result: StoredResult }[];
  readonly meta: FlowMeta;
}

/** A member of a group that collects, as the next step is given it. */
type Settled =
  { readonly status: "fulfilled"; readonly value: unknown } | { readonly status: "rejected"; readonly reason: object };

/** A message of a flow, as what follows it sees it. */
export interface Before {
  readonly flow: string;
  readonly headers: Headers;
  /** The broker's time, where a message that follows may grow too old. */
  readonly now: number | undefined;
}

/** Whether a message that follows may grow too old. */
export function ages({ ready }: Following): boolean {
  return ready.some(({ message }) => (JSON.parse(message) as StepMessage).maxAge !== undefined);
}

/**
 * Makes everything ready that follows a message of a flow. Throws where an output cannot be given on: it is too large,
 * no JSON, or sealed with a key that is not here.
 */
export function pack(context: HandingOn, before: Before, following: Following): Parcel {
  const { flow } = before;
  const meta = JSON.parse(following.meta) as FlowMeta;
  const values = new Map([...following.values].map(([node, json]) => [node, new CameOf(json, flow, context.seal)]));
  const valueOf = (node: number | undefined) => (node === undefined ? undefined : values.get(node)?.value);
  return {
    meta,
    publications: following.ready.map((step) => message(context, { ...before, step, meta }, valueOf(step.source))),
    results: following.told.map((node) => ({
      id: node === meta.last ? flow : stepId(flow, node),
      result: values.get(node)?.failure ?? success(flow, valueOf(node), meta, context.seal),
    })),
  };
}

/** Sends and tells all of it. */
export async function deliver(broker: Broker, { publications, results, meta }: Parcel): Promise<void> {
  if (publications.length > 0) await broker.publish(publications);
  await Promise.all(results.map(({ id, result }) => broker.results.put(id, result, meta.resultTtl, meta.reply)));
}

/** What came of a step, as the store keeps it. Throws `TypeError` or `RangeError` for what cannot be kept. */
export function writeOutput(flow: string, node: number, output: unknown, seal: Seal | undefined): string {
  return JSON.stringify({ node, ...encoded(stepId(flow, node), output, seal) } satisfies StepValue);
}

/** An output in the flow's own name, tagged, so that whatever a schema made of it passes. */
function encoded(id: string, output: unknown, seal: Seal | undefined): { encoding: string; output: unknown } {
  const tagged = toTagged(output);
  const json = JSON.stringify(tagged) as string | undefined;
  if (json !== undefined) assertFits(json, tagged);
  if (seal === undefined) return { encoding: TAGGED, output: tagged };
  const { encoding, value } = sealValue(seal, json, true, { kind: "output", id, actor: FLOW });
  return { encoding, output: value };
}

function success(flow: string, output: unknown, { sealed }: FlowMeta, seal: Seal | undefined): StoredResult {
  return { ok: true, ...encoded(flow, output, sealed === true ? required(seal) : undefined) };
}

/** What came of a node, read once, by the first who asks. */
class CameOf {
  readonly #tree: unknown;
  readonly #flow: string;
  readonly #seal: Seal | undefined;
  #read: { readonly value: unknown } | undefined;

  constructor(json: string, flow: string, seal: Seal | undefined) {
    this.#tree = JSON.parse(json);
    this.#flow = flow;
    this.#seal = seal;
  }

  /** An output, or a group's list of them. */
  get value(): unknown {
    this.#read ??= { value: this.#revive(this.#tree) };
    return this.#read.value;
  }

  /** Where it is an error. */
  get failure(): StoredFailure | undefined {
    return Array.isArray(this.#tree) ? undefined : failureOf(this.#tree as StepValue);
  }

  #revive(tree: unknown): unknown {
    if (Array.isArray(tree)) return tree.map((member) => this.#revive(member));
    if (isSettled(tree)) return tree.settled.map((member) => this.#settle(member));
    const { node, encoding, output } = tree as { node: number; encoding?: string; output?: unknown };
    const owner = { kind: "output", id: stepId(this.#flow, node), actor: FLOW } as const;
    return readValue(output, encoding, owner, this.#seal, false);
  }

  #settle(member: unknown): Settled {
    const failed = Array.isArray(member) || isSettled(member) ? undefined : failureOf(member as StepValue);
    if (failed === undefined) return { status: "fulfilled", value: this.#revive(member) };
    const { reason, error, attempts, step } = failed;
    const { name, message } = error;
    return { status: "rejected", reason: { name, message, reason, attempts, actor: step?.actor } };
  }
}

function isSettled(tree: unknown): tree is { readonly settled: readonly unknown[] } {
  return typeof tree === "object" && tree !== null && "settled" in tree;
}

function failureOf(value: StepValue): StoredFailure | undefined {
  if (!("error" in value)) return undefined;
  const { node, actor, reason, error, attempts } = value;
  return { ok: false, reason, error, attempts, step: { node, actor } };
}

/** A step whose turn it is. */
interface Turn extends Before {
  readonly step: ReadyStep;
  readonly meta: FlowMeta;
}

function message(context: HandingOn, turn: Turn, input: unknown): Publication {
  const made = JSON.parse(turn.step.message) as StepMessage;
  return "body" in made ? ready(context, turn, made) : taking(context, turn, made, input);
}

/** The message of a step that has its input. */
function ready({ clock }: HandingOn, turn: Turn, { body, queue, priority, delay, maxAge }: ReadyMessage): Publication {
  const at = clock.now();
  const changes = { at, expires: expiryOf(turn, maxAge, delay), due: dueAt(at, delay), flow: placeOf(turn) };
  return { id: stepId(turn.flow, turn.step.node), queue, priority, delay, body: reissue(body, changes) };
}

/** The message of a step that is given what came of the node before. */
function taking(context: HandingOn, turn: Turn, made: TakingStep, input: unknown): Publication {
  const { actor, v, priority, delay = 0, tagged = false, options, maxAge } = made;
  const id = stepId(turn.flow, turn.step.node);
  const seal = made.sealed === true ? required(context.seal) : undefined;
  const at = context.clock.now();
  const body = encodeEnvelope({
    ...{ id, actor, v, at, reply: turn.meta.reply, options },
    due: dueAt(at, delay),
    headers: merged(turn.headers, made.headers),
    expires: expiryOf(turn, maxAge, delay),
    flow: placeOf(turn),
    ...encodeInput({ id, actor, v }, input, { tagged, seal }),
  });
  assertSize(actor, body);
  return { id, queue: queueFor(context, made, input), priority, delay, body };
}

function placeOf({ flow, step }: Turn): FlowPlace {
  return { id: flow, node: step.node, copy: step.copy };
}

/** When a message is first due, where it is held back. */
function dueAt(at: number, delay: number): number | undefined {
  return delay === 0 ? undefined : at + delay;
}

/** When a message is too old; from when its turn came, and its delay does not count. */
function expiryOf({ now }: Turn, maxAge: number | undefined, delay: number): number | undefined {
  return now === undefined || maxAge === undefined ? undefined : now + delay + maxAge;
}

/** By the actor's key where the actor is known here; else any of its partitions. */
function queueFor({ actors }: HandingOn, { actor: name, queue, partitions }: TakingStep, input: unknown): string {
  if (partitions === undefined) return queue;
  const known = actors.find((actor) => actor.name === name);
  return createPartitioner(known ?? { name, options: { queue, partitions }, partitionKey: undefined })(input);
}

/** A step's own headers, and before them what the message before it carried, as far as there is room. */
function merged(inherited: Headers, own: Headers = {}): Headers | undefined {
  const entries = Object.entries({ ...inherited, ...own });
  return entries.length === 0 ? undefined : Object.fromEntries(entries.slice(-MOST_HEADERS));
}

function required(seal: Seal | undefined): Seal {
  if (seal !== undefined) return seal;
  throw new UnsealableError('the flow is sealed, and there are no keys here: give the worker them as "seal"');
}
