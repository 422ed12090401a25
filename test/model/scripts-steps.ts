/** What may happen to a queue in Redis: plain data, so that a sequence that fails can be read and made shorter. */
import fc from "fast-check";

/** How many consumers there are at a time. */
export const SEATS = 3;

/** One step. `seat` tells whose turn it is; a `pick` chooses among whatever there is then. */
export type Step =
  | { readonly do: "send"; readonly priority: number; readonly foreign: boolean; readonly heeded: boolean }
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
  | { readonly do: "reap" | "replay"; readonly pick: number };

/** The step of one kind. */
export type StepOf<Kind extends Step["do"]> = Extract<Step, { readonly do: Kind }>;

const seat = fc.nat(SEATS - 1);
const pick = fc.nat(20);
// Few of them, so that messages meet.
const priority = fc.constantFrom(5, 5, 0, 9, 7);
const hours = fc.constantFrom(1, 2, 5, 30);
const rarely = fc.nat(7).map((n) => n === 7);
const mostly = fc.nat(7).map((n) => n < 7);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("send" as const), priority, foreign: rarely, heeded: mostly }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("send together" as const),
      priority,
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("send again" as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("send for later" as const),
      messages: fc.array(fc.record({ hours, priority }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant("take" as const),
      seat,
      want: fc.nat(4),
      acks: fc.array(fc.nat(8), { maxLength: 4 }),
      answered: mostly,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("retry" as const),
      seat,
      pick,
      hours: fc.constantFrom(0, 1, 2, 30),
      priority,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("reject" as const, "release" as const), seat, pick }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "reconcile" as const,
        "pass on" as const,
        "leave" as const,
        "die" as const,
        "go deaf" as const,
        "hear again" as const,
      ),
      seat,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("hours pass" as const), hours: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "sweep and reap" as const,
        "sweep and reap" as const,
        "purge" as const,
        "lose leases" as const,
        "lose consumers" as const,
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("reap" as const, "replay" as const), pick }) },
);

/** Sequences of steps. */
export const steps = fc.array(step, { minLength: 1, maxLength: 60, size: "max" });
