/** A worker process of the fault suite: does what messages say, notes it, and stops in good order at SIGTERM. */
import { createWorker, type Middleware, type Task } from "callboard/worker";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { claimed, job, KEYS, limited, note, novelty, timed, untimed, type Deed } from "./actors.js";
import { Journal, machineTime } from "./ledger.js";
import { moveClock, openBroker, readPlan, type WorkerPlan } from "./plan.js";

const plan = readPlan<WorkerPlan>();
moveClock(plan.clockAhead);
const journal = new Journal(plan.journal);
const broker = openBroker(plan.broker);

let goOn: () => void = () => undefined;
const toldToGoOn = new Promise<void>((resolve) => (goOn = resolve));
process.on("SIGUSR2", () => goOn());

/** How long a sender's answer is waited for at most with nothing moving here, in milliseconds. */
const LONGEST_BLOCK = 30_000;

/** Lets nothing of this process move for so long, and until the sender has the answer of another one. */
function block(id: string, milliseconds: number): void {
  const [nobody, begun] = [new Int32Array(new SharedArrayBuffer(4)), machineTime()];
  Atomics.wait(nobody, 0, 0, milliseconds);
  while (!journal.isMarked(id, "answered") && machineTime() < begun + milliseconds + LONGEST_BLOCK) {
    Atomics.wait(nobody, 0, 0, 50);
  }
}

/** Resolves when the signal aborts, or when it has not for long enough. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve());
    setTimeout(resolve, 10_000);
  });
}

async function work({ n, ms, failures, fate }: Deed, { message, signal }: Task): Promise<{ n: number; by: string }> {
  const { id, attempt } = message;
  journal.note("began", id, String(attempt));
  if (Object.keys(Object.prototype).length > 0) journal.note("polluted", id);
  if (fate === "kill") process.kill(process.pid, "SIGKILL");
  if (fate === "block" && journal.mark(id, "blocked")) {
    block(id, ms);
    await aborted(signal);
    if (signal.aborted) journal.note("aborted", id, String((signal.reason as Error).name));
  } else if (fate !== "block" && ms > 0) {
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
  if (fate === "wait" && attempt === 1) await toldToGoOn;
  if (attempt <= failures) {
    journal.note("failed", id, String(attempt));
    throw new Error(`attempt ${attempt} is to fail`);
  }
  journal.note("ended", id, String(attempt));
  return { n, by: plan.name };
}

const withoutAnswer = async (deed: Deed, task: Task) => void (await work(deed, task));
const withKey = (deed: Deed, task: Task) => {
  journal.note("keyed", task.message.id, String(deed.n % KEYS));
  return withoutAnswer(deed, task);
};
const onTime = (_: object, task: Task) => withoutAnswer({ n: 0, ms: 0, failures: 0, fate: "none" }, task);

/** A message that comes back from a worker that died is no second one. */
const freshness: Middleware = (task, next) => {
  if (task.envelope.crashes === 0 && task.message.attempt === 1) journal.note("fresh", task.message.id);
  return next();
};

const say = (fields: object, text: string) => {
  const { err } = fields as { err?: Error };
  console.log(err === undefined ? text : `${text}: ${err.message}`);
};

/** What the older version does not know, and what needs a state store. */
const actors = {
  ...{ job, note },
  ...(plan.version === "older" ? {} : { novelty }),
  ...(broker.state === undefined ? {} : { limited }),
  ...(plan.version === "scheduled" ? { claimed, timed } : {}),
  ...(plan.version === "unscheduled" ? { claimed, timed: untimed } : {}),
};

// A scenario does not wait for a lease of its usual length.
Reflect.set(defaults.schedules, "lease", 3000);

const worker = createWorker(
  broker,
  { faults: actors },
  {
    faults: {
      ...{ job: work, note: withoutAnswer, novelty: withoutAnswer, limited: withoutAnswer },
      ...{ claimed: withKey, timed: onTime },
    },
  },
  {
    concurrency: plan.concurrency,
    logger: { debug() {}, info: say, warn: say, error: say },
    middleware: plan.version === "scheduled" ? [freshness] : [],
  },
);

process.on("SIGTERM", () => {
  void worker
    .stop()
    .then(() => broker.close())
    .then(() => process.exit(0));
});

await worker.start();
console.log("ready");
