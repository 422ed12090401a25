/** The end of a flow's step without an output: who waits is told, and what follows all the same is sent. */
import { InvalidOutputError, toRemoteError, UnsealableError } from "../vocabulary/errors.js";
import { stepId, type Ended, type FlowMeta, type Following, type StepPlace, type StepValue } from "../seams/flows.js";
import type { Failed, StoredFailure } from "../seams/results.js";
import type { Headers } from "../wire/envelope.js";
import { ages, deliver, pack, type HandingOn, type Parcel } from "./following.js";

/** Why a step is dead whose output cannot be given on. */
export interface Unfit extends Failed {
  readonly reason: "invalid-output" | "unsealable";
}

/** A step that ends, or has ended. */
export interface EndingStep {
  readonly place: StepPlace;
  readonly actor: string;
  /** What its message carried; what follows inherits it. */
  readonly headers: Headers;
  /** How many attempts were made at it. */
  readonly attempts: number;
}

/** The end of a step without an output, as the store keeps it. */
export function writeFailure({ place, actor }: EndingStep, { reason, error, attempts }: Failed): string {
  return JSON.stringify({ node: place.node, actor, reason, error, attempts } satisfies StepValue);
}

/** Tells and sends what follows from the end of a step that is dead or was cancelled. */
export async function failed(context: HandingOn, step: EndingStep, why: Failed, ended: Ended): Promise<void> {
  if (ended.kind !== "ended") return;
  const { id, node } = step.place;
  const { following, failed, fell } = ended;
  if (failed) await tell(context, step, id, why, following);
  if (fell !== undefined && fell !== node) await tell(context, step, stepId(id, fell), why, following);
  await handOn(context, step, following);
}

/**
 * Sends what follows a step and tells who waits. Where an output cannot be given on, the flow fails with this step, and
 * it is answered why.
 */
export async function handOn(context: HandingOn, step: EndingStep, following: Following): Promise<Unfit | undefined> {
  const { place, headers } = step;
  const now = ages(following) ? await context.broker.now() : undefined;
  let parcel: Parcel;
  try {
    parcel = pack(context, { flow: place.id, headers, now }, following);
  } catch (error) {
    const why = unfit(step, error);
    await tell(context, step, place.id, why, following);
    return why;
  }
  await deliver(context.broker, parcel);
  return undefined;
}

/** What a step ends as whose output cannot be given on. */
export function unfit({ actor, attempts }: EndingStep, error: unknown): Unfit {
  const why = error instanceof Error ? error.message : String(error);
  const issues = [{ path: "", message: `it cannot be given on: ${why}` }];
  return {
    reason: error instanceof UnsealableError ? "unsealable" : "invalid-output",
    error: toRemoteError(new InvalidOutputError(actor, issues), { stack: true }),
    attempts,
  };
}

/** Tells those who wait for the flow, or for a member of it, that it failed with this step. */
async function tell(
  { broker }: HandingOn,
  { place, actor }: EndingStep,
  id: string,
  { reason, error, attempts }: Failed,
  { meta }: Following,
): Promise<void> {
  const { resultTtl, reply } = JSON.parse(meta) as FlowMeta;
  const result: StoredFailure = { ok: false, reason, error, attempts, step: { node: place.node, actor } };
  await broker.results.put(id, result, resultTtl, reply);
}
