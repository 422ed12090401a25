/** What a producer holds of a flow that it sent: its result, and those of a group's members as they come. */
import { CancelledError, FlowFailedError, ResultTimeoutError } from "../../vocabulary/errors.js";
import { FLOW, stepId, type CancelledFlow, type FlowMeta } from "../../seams/flows.js";
import { duration, refuseUnknownOptions } from "../../support/given-options.js";
import type { StoredFailure, StoredResult } from "../../seams/results.js";
import { cancellation } from "../../wire/stored-result.js";
import { readValue } from "../../wire/wire-value.js";
import { cancelMessage, type Cancellation } from "../cancel.js";
import { assertKept, readResult, type ResultOptions } from "../message.js";
import type { MemberFailure, Settled } from "./part.js";
import { storeOf } from "./sending.js";
import type { Plan } from "./plan.js";

/** A pipeline or a group that was sent. */
export class SentFlow<Output> {
  readonly id: string;
  protected readonly plan: Plan;
  /** It is not known that it was sent here. */
  readonly #foreign: boolean;

  constructor(plan: Plan, id: string, { foreign = false }: { readonly foreign?: boolean } = {}) {
    this.plan = plan;
    this.id = id;
    this.#foreign = foreign;
  }

  /**
   * Waits for the output: of a pipeline that of its last step, of a group the list of its members'.
   * @throws FlowFailedError a step is dead; `step` says which, `remote` is the error that the worker met
   * @throws ResultTimeoutError it is not through yet; it goes on
   */
  async result(options: ResultOptions = {}): Promise<Output> {
    return (await this.#wait(this.readTimeout("result", options))) as Output;
  }

  /**
   * Ends it: no further step begins, what waits never runs, what runs is told to end by `task.signal`. `result()` rejects
   * with `CancelledError`. `"ended"`: it was through or had failed before, with no step left to run; nothing was done.
   */
  async cancel(): Promise<Cancellation> {
    const cancelled = await storeOf(this.plan.broker).cancel(this.id);
    if (cancelled === undefined) return "ended";
    const found = await Promise.all(cancelled.open.flatMap((node) => this.#cancelStep(node) ?? []));
    if (!(await this.#tellCancelled(cancelled))) return "ended";
    return found.includes("cancelling") ? "cancelling" : "cancelled";
  }

  #cancelStep(node: number): Promise<Cancellation> | undefined {
    const { step } = this.plan.nodes[node] ?? {};
    if (step === undefined) return undefined;
    const { delay, actor } = step.posting;
    return cancelMessage(step.sender, { id: stepId(this.id, node), queue: actor.options.queue, delay });
  }

  /**
   * Tells those who wait for it; where results have an address, only the one that the flow names. Answers whether it
   * counts: an output that is there stays, a failure does not, as the flow ran on beside it.
   */
  async #tellCancelled({ meta }: CancelledFlow): Promise<boolean> {
    const { results } = this.plan.broker;
    const { resultTtl, reply } = JSON.parse(meta) as FlowMeta;
    const result = cancellation(new CancelledError(FLOW, this.id));
    if (results.addressedOnly === true) {
      await results.put(this.id, result, resultTtl, reply);
      return true;
    }
    const instead = await results.offer(this.id, result, resultTtl, { overFailure: true });
    return instead?.ok !== true;
  }

  protected readTimeout(call: string, options: ResultOptions): number {
    if (this.#foreign) assertKept(this.plan.broker, `the flow's ${call}`);
    refuseUnknownOptions(`the flow's ${call}`, options, ["timeout"] satisfies (keyof ResultOptions)[]);
    return duration('"timeout"', options.timeout) ?? this.plan.resultTimeout;
  }

  async #wait(timeout: number): Promise<unknown> {
    const awaited = await this.plan.broker.results.wait(this.id, { timeout, addressed: false });
    if ("pending" in awaited) throw new ResultTimeoutError(FLOW, this.id, timeout, { state: "flow" });
    return this.read(this.id, awaited.done);
  }

  /** A result in the flow's own name. */
  protected read(id: string, result: StoredResult): unknown {
    if (!result.ok) throw this.#failure(result);
    const { seal } = this.plan;
    return readValue(result.output, result.encoding, { kind: "output", id, actor: FLOW }, seal, seal !== undefined);
  }

  #failure({ step, reason, error, attempts }: StoredFailure): Error {
    if (step === undefined && reason === "cancelled") return new CancelledError(FLOW, this.id);
    if (step === undefined) return new FlowFailedError(this.id, undefined, reason, error, attempts);
    const place = this.plan.nodes[step.node]?.place ?? `node ${step.node}`;
    const failed = { place, actor: step.actor, id: stepId(this.id, step.node) };
    return new FlowFailedError(this.id, failed, reason, error, attempts);
  }
}

/** The end of one of a group's members. */
export type GroupResult<Outputs extends readonly unknown[]> = {
  [K in keyof Outputs]: { readonly index: IndexOf<K>; readonly output: Outputs[K] };
}[number];
type IndexOf<K> = K extends `${infer Index extends number}` ? Index : number;

/** A group that was sent. */
export class SentGroup<Outputs extends readonly unknown[]> extends SentFlow<Outputs> {
  /**
   * The outputs of the members as they come, each with its place in the group. `timeout`: how long to wait for all of
   * them. Throws as `result()` does.
   */
  async *results(options: ResultOptions = {}): AsyncGenerator<GroupResult<Outputs>, void, undefined> {
    const timeout = this.readTimeout("results", options);
    const arrivals = new Arrivals();
    const members = this.plan.nodes[this.plan.last]?.of ?? [];
    for (const [index, node] of members.entries()) {
      // One that cannot be read, or whose result is gone, comes with the whole.
      this.#member(node, timeout, arrivals.over).then(
        (output) => arrivals.add({ index, output }),
        () => undefined,
      );
    }
    this.result({ timeout }).then(
      (outputs) => {
        for (const [index, output] of outputs.entries()) arrivals.add({ index, output });
      },
      (error: unknown) => arrivals.fail(error),
    );
    try {
      for (let left = members.length; left > 0; left--) yield (await arrivals.next()) as GroupResult<Outputs>;
    } finally {
      arrivals.end();
    }
  }

  /** The output of the member that ends with a node. Rejects where there is none. */
  async #member(node: number, timeout: number, over: Promise<never>): Promise<unknown> {
    const id = stepId(this.id, node);
    const awaited = await this.plan.broker.results.wait(id, { timeout, addressed: false, sent: over });
    if ("pending" in awaited) throw new ResultTimeoutError(FLOW, this.id, timeout, { state: "flow" });
    const result = awaited.done;
    const { step } = this.plan.nodes[node] ?? {};
    const collects = this.plan.nodes[this.plan.last]?.collects === true;
    if (collects && !result.ok) return { status: "rejected", reason: failureOf(result, step?.sender.actor.name) };
    const output = step === undefined ? this.read(id, result) : await readResult(step.sender, id, result);
    const listed = output ?? null;
    return collects ? ({ status: "fulfilled", value: listed } satisfies Settled<unknown>) : listed;
  }
}

function failureOf({ error, reason, attempts, step }: StoredFailure, actor = FLOW): MemberFailure {
  return { name: error.name, message: error.message, reason, attempts, actor: step?.actor ?? actor };
}

/** A member's output, as it is handed out. */
interface Arrival {
  readonly index: number;
  readonly output: unknown;
}

/** What has arrived and was not handed out yet; each member counts once. */
class Arrivals {
  readonly #waiting: Arrival[] = [];
  readonly #known = new Set<number>();
  #failed: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #end!: () => void;
  /** Rejects when nobody waits any longer. */
  readonly over = new Promise<never>((_, reject) => (this.#end = () => reject(new Error("nobody waits any longer"))));

  constructor() {
    this.over.catch(() => undefined);
  }

  add(arrival: Arrival): void {
    if (this.#known.has(arrival.index)) return;
    this.#known.add(arrival.index);
    this.#waiting.push(arrival);
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#failed = { error };
    this.#wake?.();
  }

  async next(): Promise<Arrival> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) return next;
      if (this.#failed !== undefined) throw this.#failed.error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  end(): void {
    this.#end();
  }
}
