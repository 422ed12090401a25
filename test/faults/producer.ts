/** A producer process of the fault suite: sends a mix of messages at a steady rate and notes which were accepted and answered. */
import { createActorClient, type Message } from "callboard/client";
import { claimed, job, limited, note, novelty, type Deed } from "./actors.js";
import { Journal, machineTime } from "./ledger.js";
import { moveClock, openBroker, readPlan, type ProducerPlan, type Share } from "./plan.js";

/** How often it sends, in milliseconds. */
const TICK = 10;
/** How many sends may be under way. */
const MOST_UNDER_WAY = 2000;

const plan = readPlan<ProducerPlan>();
moveClock(plan.clockAhead);
const journal = new Journal(plan.journal);
const broker = openBroker(plan.broker);
const clients = {
  // What a killed RabbitMQ was handing down from one delay to the next waits for the server's own limit of 3 minutes.
  job: createActorClient<typeof job>(broker, job, { resultTimeout: "5m" }),
  note: createActorClient<typeof note>(broker, note),
  limited: createActorClient<typeof limited>(broker, limited),
  novelty: createActorClient<typeof novelty>(broker, novelty),
  // It cannot be made where nothing can be claimed.
  claimed: broker.claims && createActorClient<typeof claimed>(broker, claimed),
};

const round = plan.mix.flatMap((share) => Array.from({ length: share.count }, () => share));
let sent = 0;
let refused = 0;
let underWay = 0;
let stopping = false;
process.on("SIGTERM", () => (stopping = true));

async function send({ actor, deed, options }: Share, n: number): Promise<void> {
  const input: Deed = { n, ms: 0, failures: 0, fate: "none", ...deed };
  const asked = machineTime();
  try {
    if (actor === "job") {
      const message = await clients.job.send(input, options);
      journal.note("accepted", message.id, `${actor} ${asked}`);
      void awaitAnswer(message, input);
    } else {
      const message = await clients[actor]?.send(input, options);
      if (message !== undefined) journal.note("accepted", message.id, `${actor} ${asked}`);
    }
  } catch {
    // Nobody knows whether it arrived: it is none of those that may not be lost.
    refused++;
  }
}

let awaited = 0;
async function awaitAnswer(message: Message<{ n: number; by: string }>, { n, ms, fate }: Deed): Promise<void> {
  awaited++;
  try {
    const answer = await message.result();
    journal.note(answer.n === n ? "answered" : "unanswered", message.id, answer.by);
    if (fate !== "block") return;
    journal.mark(message.id, "answered");
    await askAgain(message, ms, answer.by);
  } catch (error) {
    journal.note("unanswered", message.id, (error as Error).message);
  } finally {
    awaited--;
  }
}

/** The answer is still the same after a second worker, which came too late, has tried to give its own. */
async function askAgain(message: Message<{ n: number; by: string }>, wait: number, by: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, wait));
  const again = await message.result();
  if (again.by !== by) journal.note("unanswered", message.id, `answered by ${by}, then by ${again.by}`);
}

const started = performance.now();
const ticks = setInterval(() => {
  const due = Math.min(plan.messages, Math.ceil(((performance.now() - started) / 1000) * plan.rate));
  while (!stopping && sent < due && underWay < MOST_UNDER_WAY) {
    const share = round[sent % round.length];
    const n = sent++;
    if (share === undefined) break;
    underWay++;
    void send(share, n).finally(() => underWay--);
  }
  if (!stopping && sent < plan.messages) return;
  if (underWay > 0) return;
  clearInterval(ticks);
  console.log(`sent ${sent} refused ${refused}`);
  console.log("sent all");
  const answered = setInterval(() => {
    if (awaited > 0) return;
    clearInterval(answered);
    console.log("answered all");
    void broker.close().then(() => process.exit(0));
  }, TICK);
}, TICK);
console.log("ready");
