/** The actors of the fault suite. What a message does to the worker that has it stands in its input. */
import { actor } from "callboard";
import { defineActor, type Actor } from "callboard/client";
import { z } from "zod";

const deed = z.object({
  /** Its number, which is also the answer. */
  n: z.number(),
  /** How long the work takes, in milliseconds. */
  ms: z.number(),
  /** How many attempts fail. */
  failures: z.number(),
  /**
   * What happens besides: `kill` ends the process with -9, `block` blocks the event loop of the first that has it for
   * `ms` and until another one's answer is there, `wait` holds the first attempt until the process is told to go on (SIGUSR2).
   */
  fate: z.enum(["none", "kill", "block", "wait"]),
});

/** What one message of the suite does. */
export type Deed = z.infer<typeof deed>;

/** The queue of all actors here. */
export const QUEUE = "work";

const common = { input: deed, queue: QUEUE, minBackoff: 50, maxBackoff: 400 } as const;
const output = z.object({ n: z.number(), by: z.string() });

type Job = Actor<{ input: Deed; output: z.infer<typeof output> }>;

/** Answers with its number. */
export const job: Job = defineActor(actor({ ...common, output, resultTtl: "2m" }), {
  name: "faults.job",
  fingerprint: "00000000",
});

/** Answers nothing. */
export const note = defineActor<{ input: Deed }>(actor(common), { name: "faults.note", fingerprint: "00000000" });

/** An actor that only the newer version of the worker has. */
export const novelty = defineActor<{ input: Deed }>(actor(common), {
  name: "faults.novelty",
  fingerprint: "00000000",
});

/** How many messages of the limited actor run at once. */
export const SLOTS = 4;

/** An actor that only few messages of run at once. */
export const limited = defineActor<{ input: Deed }>(
  actor({ ...common, concurrencyLimit: { limit: SLOTS, lease: "2s" } }),
  { name: "faults.limited", fingerprint: "00000000" },
);

/** How many keys the unique actor has. */
export const KEYS = 20;

/** An actor of which no two messages with the same key are there at once. */
export const claimed = defineActor<{ input: Deed }>(
  actor({ ...common, unique: { key: (input) => (input as Deed).n % KEYS, for: "10m" } }),
  { name: "faults.claimed", fingerprint: "00000000" },
);

const scheduled = { input: z.object({}), queue: QUEUE } as const;

/** An actor that is due every second, twice: once whatever comes of the tick before, once only where that has ended. */
export const timed = defineActor<{ input: object }>(
  actor({
    ...scheduled,
    schedule: [
      { name: "each", cron: "* * * * * *", catchUp: "all" },
      { name: "alone", cron: "* * * * * *", overlap: false },
    ],
  }),
  { name: "faults.timed", fingerprint: "00000000" },
);

/** The same one in a version that has no schedules any more. */
export const untimed = defineActor<{ input: object }>(actor(scheduled), {
  name: "faults.timed",
  fingerprint: "00000000",
});

/** One of very many messages. */
export const tick = defineActor<{ input: { n: number } }>(actor({ input: z.object({ n: z.number() }), queue: QUEUE }), {
  name: "faults.tick",
  fingerprint: "00000000",
});
