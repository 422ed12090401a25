/** What may happen to a queue at the seam: plain data, so that a sequence that fails can be read and made shorter. */
import fc from "fast-check";
import type { BodyKind } from "./body.js";
import { times } from "./weight.js";

/** How many consumers there are at a time. */
export const SEATS = 2;

/** A message that is sent; its hours are 0 where it is not held back. */
export interface Sent {
  readonly hours: number;
  readonly priority: number;
  readonly kind: BodyKind;
}

/** One step. `seat` tells whose turn it is; a `pick` chooses among whatever there is then. */
export type Step =
  | { readonly do: "send"; readonly messages: readonly Sent[] }
  | { readonly do: "take"; readonly seat: number; readonly want: number }
  | { readonly do: "ack" | "reject" | "release"; readonly seat: number; readonly pick: number }
  | {
      readonly do: "retry";
      readonly seat: number;
      readonly pick: number;
      readonly hours: number;
      readonly priority: number;
    }
  | { readonly do: "close" | "expire" | "die"; readonly seat: number }
  | { readonly do: "hours pass"; readonly hours: number }
  | { readonly do: "replay"; readonly pick: number }
  | { readonly do: "purge" };

/** The step of one kind. */
export type StepOf<Kind extends Step["do"]> = Extract<Step, { readonly do: Kind }>;

const seat = fc.nat(SEATS - 1);
const pick = fc.nat(20);
// Few of them, so that messages meet.
const priority = fc.constantFrom(5, 5, 0, 9);
const hours = fc.constantFrom(0, 0, 0, 1, 2, 30);
const kind = fc.constantFrom<BodyKind[]>("envelope", "envelope", "envelope", "foreign");
const sent = fc.record({ hours, priority, kind });

const step: fc.Arbitrary<Step> = fc.oneof(
  times(6, { do: fc.constant("send"), messages: fc.array(sent, { minLength: 1, maxLength: 3 }) }),
  times(8, { do: fc.constant("take"), seat, want: fc.integer({ min: 1, max: 4 }) }),
  times(8, { do: fc.constantFrom("ack", "reject", "release"), seat, pick }),
  times(3, { do: fc.constant("retry"), seat, pick, hours, priority }),
  times(3, { do: fc.constantFrom("close", "expire", "die"), seat }),
  times(3, { do: fc.constant("hours pass"), hours: fc.constantFrom(1, 2, 5, 200) }),
  times(1, { do: fc.constant("replay"), pick }),
  times(1, { do: fc.constant("purge") }),
);

/** Sequences of steps. */
export const steps = fc.array(step, { minLength: 1, maxLength: 40, size: "max" });
