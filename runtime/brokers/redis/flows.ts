/** Flows in Redis: each is one hash, so that whatever happens to it happens in one step. */
import {
  isLoose,
  type Begun,
  type CancelledFlow,
  type Ended,
  type FlowInit,
  type FlowNode,
  type Following,
  type FlowStore,
  type ReadyStep,
  type StepPlace,
} from "../../seams/flows.js";
import { flowKey } from "./keys.js";
import { scripts, type FlowReply } from "./scripts.js";
import type { StateContext } from "./state.js";
import type { FlowPlace } from "../../wire/envelope.js";

/** What happens to a step. */
type StepEvent = "begin" | "done" | "dead" | "cancel";

export class RedisFlows implements FlowStore {
  readonly #context: StateContext;

  constructor(context: StateContext) {
    this.#context = context;
  }

  async create(id: string, { nodes, ttl, afterwards, meta }: FlowInit): Promise<void> {
    const open = nodes.filter((node) => isLoose(node) && isHead(node)).length;
    const whole = ["ttl", ttl, "afterwards", afterwards, "meta", meta, "open", open];
    const fields = [...whole, ...nodes.flatMap(fieldsOf)];
    await this.#context.connection.run(scripts.flowCreate, [this.#key(id)], [ttl, ...fields]);
  }

  async begin(place: FlowPlace): Promise<Begun> {
    const reply = await this.#step("begin", place, "");
    switch (reply[0]) {
      case "ended":
        return { kind: "ended", following: followingOf(reply) };
      case "late":
        return { kind: "expired" };
      default:
        return { kind: reply[0] };
    }
  }

  done(place: FlowPlace, value: string): Promise<Ended> {
    return this.#end("done", place, value);
  }

  dead(place: FlowPlace, error: string): Promise<Ended> {
    return this.#end("dead", place, error);
  }

  cancelStep(place: StepPlace, error: string): Promise<Ended> {
    return this.#end("cancel", { ...place, copy: 0 }, error);
  }

  async extend(id: string, milliseconds: number): Promise<void> {
    await this.#context.connection.run(scripts.flowExtend, [this.#key(id)], [Math.ceil(milliseconds)]);
  }

  async cancel(id: string): Promise<CancelledFlow | undefined> {
    const reply = await this.#context.connection.run(scripts.flowCancel, [this.#key(id)]);
    if (reply === null) return undefined;
    const [meta, open] = reply;
    return { meta, open };
  }

  async #end(event: Exclude<StepEvent, "begin">, place: FlowPlace, value: string): Promise<Ended> {
    const reply = await this.#step(event, place, value);
    switch (reply[0]) {
      case "ended": {
        const [, , failed, fell] = reply;
        const following = followingOf(reply);
        return { kind: "ended", following, failed: failed === 1, fell: fell === "" ? undefined : Number(fell) };
      }
      case "cancelled":
      case "late":
        return { kind: reply[0] };
      case "run":
      case "dropped":
      case "elsewhere":
      case "expired":
        return { kind: "expired" };
    }
  }

  #step(event: StepEvent, { id, node, copy }: FlowPlace, value: string): Promise<FlowReply> {
    return this.#context.connection.run(scripts.flowStep, [this.#key(id)], [event, node, copy, value]);
  }

  #key(id: string): string {
    return flowKey(this.#context.prefix, id);
  }
}

/** Whether its message is sent by the producer. */
function isHead({ of, message }: FlowNode): boolean {
  return of === undefined && message === undefined;
}

/** The fields of a new flow's hash that one of its nodes has, with their values. */
function fieldsOf(whole: FlowNode, index: number): readonly (string | number)[] {
  const { message, ...node } = whole;
  const fields: (string | number)[] = [`node:${index}`, JSON.stringify(node)];
  if (node.of !== undefined) fields.push(`left:${index}`, node.of.length);
  if (isHead(whole)) fields.push(`copies:${index}`, 1);
  if (message !== undefined) fields.push(`message:${index}`, message);
  return fields;
}

function followingOf([, meta, , , ready, told, values]: Extract<
  FlowReply,
  readonly ["ended", ...unknown[]]
>): Following {
  const steps: ReadyStep[] = [];
  for (let i = 0; i < ready.length; i += 4) {
    const [node, copy, message = "", source] = ready.slice(i, i + 4);
    steps.push({
      node: Number(node),
      copy: Number(copy),
      message: String(message),
      source: source === "" ? undefined : Number(source),
    });
  }
  const valued = new Map<number, string>();
  for (let i = 0; i < values.length; i += 2) valued.set(Number(values[i]), String(values[i + 1]));
  return { meta, ready: steps, told: told.map(Number), values: valued };
}
