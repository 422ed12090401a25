/** How a person composes a flow: parts one after the other, and parts side by side. */
import { InvalidOptionError } from "../../vocabulary/errors.js";
import { refuseUnknownOptions } from "../../support/given-options.js";
import { checkId } from "../send-options.js";
import {
  part,
  type AnyPart,
  type Fitting,
  type FlowMessage,
  type FlowPart,
  type Gives,
  type GroupPart,
  type Last,
  type Outputs,
  type Part,
  type PipelinePart,
  type Quarrel,
  type Sendable,
  type SettledOutputs,
  type StepPart,
  type Takes,
} from "./part.js";
import { layOut } from "./plan.js";
import { sendFlow, storeOf, type FlowOptions } from "./sending.js";
import { SentFlow, SentGroup } from "./sent.js";

/** Parts one after the other. */
export interface Pipeline<In, Out> extends FlowPart<In, Out> {
  /**
   * Sends it, where its first step has its input: `actor.message(input)`. Resolves when the broker has it; the producer
   * may end then. Every message is checked first: all of them are valid, or nothing is sent.
   * @throws InvalidInputError an input does not fit its contract; nothing was sent
   * @throws InvalidOptionError a step has no input
   * @throws BrokerUnavailableError the broker cannot be reached; whether the flow has begun is unknown
   */
  send(this: Sendable<In, Pipeline<unknown, Out>>, options?: FlowOptions): Promise<SentFlow<Out>>;
  /** One that was sent before, here or by another process, composed in the same way. */
  handle(id: string): SentFlow<Out>;
}

/** Parts side by side. */
export interface Group<In, Outs extends readonly unknown[]> extends FlowPart<In, Outs> {
  /**
   * Sends it, where its members have their inputs: `actor.message(input)`. Resolves when the broker has it; the producer
   * may end then. Every message is checked first: all of them are valid, or nothing is sent.
   * @throws InvalidInputError an input does not fit its contract; nothing was sent
   * @throws InvalidOptionError a member has no input
   * @throws BrokerUnavailableError the broker cannot be reached; whether the flow has begun is unknown
   */
  send(this: Sendable<In, Group<unknown, Outs>>, options?: FlowOptions): Promise<SentGroup<Outs>>;
  /** One that was sent before, here or by another process, composed in the same way. */
  handle(id: string): SentGroup<Outs>;
}

/** What becomes of a group whose members fail, and what follows it beside the flow. */
export interface GroupOptions<Policy extends "fail" | "collect" = "fail" | "collect"> {
  /**
   * `"fail"`: the group fails as soon as one member is dead. `"collect"`: it ends when every member has, and its outputs
   * say how each did, as those of `Promise.allSettled`. Either way the other members run on. Default: `"fail"`.
   */
  readonly whenFailed?: Policy;
  /**
   * A message that is sent once when the group has ended: with `"fail"`, when every member has succeeded. The flow does
   * not wait for it, and does not fail with it.
   */
  readonly onComplete?: FlowMessage<unknown>;
}

/**
 * Parts one after the other: each is given what came of the one before it. A part is an actor's client, `client.a.b`; one
 * with options, `client.a.b.with({ delay: "1m" })`; a message, which has its input already, `client.a.b.message(input)`;
 * a group, whose members are all given what came before and whose outputs are given on as a list; or a pipeline.
 * @throws InvalidOptionError the broker has no store for flows
 */
export function pipeline<const Parts extends readonly AnyPart[]>(
  ...parts: Parts extends Fitting<Parts> ? Parts : Fitting<Parts>
): Pipeline<Takes<Parts[0]>, Gives<Last<Parts>>> {
  if (parts.length === 0) throw new InvalidOptionError("A pipeline needs at least one step.");
  const whole: PipelinePart = { kind: "pipeline", steps: partsOf(parts) };
  return {
    [part]: whole,
    send: async (options) => {
      const plan = layOut(whole);
      return new SentFlow(plan, await sendFlow(plan, options));
    },
    handle: (id) => new SentFlow(layOut(whole), checkId("the flow", id), { foreign: true }),
  };
}

/**
 * Parts side by side, which may be anything that stands in a pipeline. Their outputs are a list in the parts' order.
 * @throws InvalidOptionError the broker has no store for flows
 */
export function group<const Members extends readonly AnyPart[], Policy extends "fail" | "collect" = "fail">(
  members: Members extends readonly []
    ? readonly [AnyPart, ...AnyPart[]]
    : [Takes<Members[number]>] extends [never]
      ? Quarrel<Members>
      : Members,
  options?: GroupOptions<Policy>,
): Group<Takes<Members[number]>, Policy extends "collect" ? SettledOutputs<Members> : Outputs<Members>>;
export function group(members: readonly AnyPart[], options: GroupOptions = {}): Group<unknown, readonly unknown[]> {
  const whole = groupOf(members, options);
  return {
    [part]: whole,
    send: async (options) => {
      const plan = layOut(whole);
      return new SentGroup(plan, await sendFlow(plan, options));
    },
    handle: (id) => new SentGroup(layOut(whole), checkId("the flow", id), { foreign: true }),
  };
}

function groupOf(members: readonly AnyPart[], options: GroupOptions): GroupPart {
  if (!Array.isArray(members)) throw new InvalidOptionError("A group is given its members as a list: group([a, b]).");
  const { whenFailed = "fail", onComplete } = options;
  refuseUnknownOptions("the group", options, ["whenFailed", "onComplete"] satisfies (keyof GroupOptions)[]);
  if (members.length === 0) throw new InvalidOptionError("A group needs at least one member.");
  if (whenFailed !== "fail" && whenFailed !== "collect") {
    throw new InvalidOptionError(`"whenFailed" must be "fail" or "collect"; it is ${JSON.stringify(whenFailed)}.`);
  }
  return {
    kind: "group",
    members: partsOf(members),
    collects: whenFailed === "collect",
    onComplete: onComplete === undefined ? undefined : messageOf(onComplete),
  };
}

function messageOf(given: FlowMessage<unknown>): StepPart {
  const step = partOf(given);
  if (step.kind === "step" && step.given !== undefined) return step;
  throw new InvalidOptionError('"onComplete" must be a message: client.x.y.message(input).');
}

function partsOf(given: readonly AnyPart[]): readonly Part[] {
  return given.map(partOf);
}

/** What a person put into a flow. One that could never be sent is refused here, where it is composed. */
function partOf(given: AnyPart): Part {
  if (typeof given === "object" && given !== null && part in given) {
    const found = given[part];
    if (found.kind === "step") storeOf(found.sender.broker);
    return found;
  }
  throw new InvalidOptionError(
    "A flow is made of actors' clients, messages, pipelines and groups: client.x.y, client.x.y.message(input).",
  );
}
