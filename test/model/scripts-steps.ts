/** What may happen to a queue in Redis: plain data, so that a sequence that fails can be read and made shorter. */
import fc from "fast-check";
import type { BodyKind } from "./body.js";
import { times } from "./weight.js";

/** How many consumers there are at a time. */
export const SEATS = 4;
/** Whose consumer takes suspects. */
export const SUSPECTS_SEAT = 3;

/** One step. `seat` tells whose turn it is; a `pick` chooses among whatever there is then. */
export type Step =
  | { readonly do: "send"; readonly priority: number; readonly kind: BodyKind; readonly heeded: boolean }
  | { readonly do: "send together"; readonly priority: number; readonly count: number }
  | { readonly do: "send again"; readonly pick: number }
  | {
      readonly do: "send for later";
      readonly messages: readonly { readonly hours: number; readonly priority: number }[];
    }
  | {
      readonly do: "take";
      readonly seat: number;
      readonly want: number;
      readonly acks: readonly number[];
      readonly answered: boolean;
    }
  | {
      readonly do: "retry";
      readonly seat: number;
      readonly pick: number;
      readonly hours: number;
      readonly priority: number;
    }
  | { readonly do: "reject" | "release"; readonly seat: number; readonly pick: number }
  | { readonly do: "reconcile" | "pass on" | "leave" | "die" | "go deaf" | "hear again"; readonly seat: number }
  | { readonly do: "hours pass"; readonly hours: number }
  | { readonly do: "sweep and reap" | "purge" | "lose leases" | "lose consumers" }
  | { readonly do: "cancel"; readonly picks: readonly number[] }
  | { readonly do: "reap" | "replay"; readonly pick: number };

/** The step of one kind. */
export type StepOf<Kind extends Step["do"]> = Extract<Step, { readonly do: Kind }>;

const seat = fc.nat(SEATS - 1);
const pick = fc.nat(20);
// Few of them, so that messages meet.
const priority = fc.constantFrom(5, 5, 0, 9, 7);
const hours = fc.constantFrom(1, 2, 5, 30);
const later = fc.record({ hours, priority });
// One that has seen a crash already is soon a suspect.
const kind = fc.constantFrom<BodyKind[]>("envelope", "envelope", "envelope", "crashed", "crashed", "foreign");
const mostly = fc.nat(7).map((n) => n < 7);

const step: fc.Arbitrary<Step> = fc.oneof(
  times(8, { do: fc.constant("send"), priority, kind, heeded: mostly }),
  times(3, { do: fc.constant("send together"), priority, count: fc.integer({ min: 1, max: 4 }) }),
  times(1, { do: fc.constant("send again"), pick }),
  times(2, { do: fc.constant("send for later"), messages: fc.array(later, { minLength: 1, maxLength: 3 }) }),
  times(20, {
    do: fc.constant("take"),
    seat,
    want: fc.nat(4),
    acks: fc.array(pick, { maxLength: 4 }),
    answered: mostly,
  }),
  times(3, { do: fc.constant("retry"), seat, pick, hours: fc.constantFrom(0, 1, 2, 30), priority }),
  times(4, { do: fc.constantFrom("reject", "release"), seat, pick }),
  times(4, { do: fc.constantFrom("reconcile", "pass on", "leave", "die", "go deaf", "hear again"), seat }),
  times(2, { do: fc.constant("hours pass"), hours: fc.integer({ min: 1, max: 3 }) }),
  times(2, { do: fc.constant("sweep and reap") }),
  times(1, { do: fc.constantFrom("purge", "lose leases", "lose consumers") }),
  times(2, { do: fc.constant("cancel"), picks: fc.array(pick, { minLength: 1, maxLength: 3 }) }),
  times(3, { do: fc.constantFrom("reap", "replay"), pick }),
);

/** Sequences of steps. */
export const steps = fc.array(step, { minLength: 1, maxLength: 60, size: "max" });
