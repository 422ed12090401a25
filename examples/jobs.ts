/** The work of the main job: what is sent, and how the end of each message is seen. */
import { setTimeout as sleep } from "node:timers/promises";
import { InvalidInputError, RemoteFailureError, type Broker, type Message, type SentMessage } from "callboard";
import type { Client } from "../generated/client.js";
import { declinedUser } from "./gateway.js";
import { mailFor } from "./mailbox.js";
import type { Report } from "./report.js";

/** What the work is done with. */
export interface Stage {
  readonly client: Client;
  readonly broker: Broker;
  /** Where there are pages to fetch. */
  readonly site: string;
  readonly report: Report;
}

/** How long anything may take, in milliseconds. */
const PATIENCE = 8000;

/** Sends everything at once, and waits until each message has come to its end. */
export async function work(stage: Stage): Promise<void> {
  await Promise.all([
    fetchPages(stage),
    computeNumber(stage),
    findFactors(stage),
    digestFiles(stage),
    chargeCards(stage),
    chargeDeclinedCard(stage),
    chargeNonsense(stage),
    mailNobody(stage),
  ]);
}

async function fetchPages({ client, site, report }: Stage): Promise<void> {
  const urls = [`${site}/`, `${site}/calls`, `${site}/absent`];
  const messages = await client.web.fetchUrl.sendMany(urls);
  await Promise.all(messages.map((message, i) => answer(report, message, urls[i])));
}

async function computeNumber({ client, report }: Stage): Promise<void> {
  await answer(report, await client.math.fibonacci.send(150, { priority: 9 }), 150);
}

/** A handler that never yields: it runs in a thread, and everything else goes on beside it. */
async function findFactors({ client, report }: Stage): Promise<void> {
  const number = 600_851_475_143;
  await answer(report, await client.math.factorize.send(number), number);
}

async function digestFiles({ client, report }: Stage): Promise<void> {
  const inputs = [{ path: "package.json" }, { path: "contracts/payments.ts" }, { path: "README.md" }];
  const messages = await client.files.digestFile.sendMany(inputs);
  await Promise.all(messages.map((message, i) => answer(report, message, inputs[i])));
}

/** The gateway is busy twice for each charge, so each comes through at its third attempt. A receipt is mailed then. */
async function chargeCards({ client, report }: Stage): Promise<void> {
  const inputs = [
    { userId: "ada", amount: 20 },
    { userId: "grace", amount: 99.5 },
  ];
  const messages = await client.payments.processPayment.sendMany(inputs);
  await Promise.all(
    messages.map(async (message, i) => {
      const { receiptId } = await answer(report, message, inputs[i]);
      const mail = { to: `${inputs[i]?.userId}@mail.example`, receiptId, language: "de" } as const;
      const sent = await client.mail.sendReceipt.send(mail, { delay: "500ms" });
      report.tell("sent", { ...name(sent), input: mail, delay: "500ms" });
      const arrived = await until(`mail for ${mail.to}`, () => mailFor(mail.to));
      report.tell("done", { ...name(sent), effect: `"${arrived.subject}" arrived at ${mail.to}` });
    }),
  );
}

/** The handler says that there is no point in trying again: the caller learns why, and the message is kept. */
async function chargeDeclinedCard({ client, broker, report }: Stage): Promise<void> {
  const input = { userId: declinedUser, amount: 5000 };
  const message = await client.payments.processPayment.send(input);
  const failure = await answer(report, message, input).catch((error: unknown) => error);
  if (!(failure instanceof RemoteFailureError)) {
    throw new Error("a declined card was charged", { cause: failure });
  }
  await findDead(broker, report, message);
}

/** An input that does not fit its contract never leaves the producer. */
async function chargeNonsense({ client, report }: Stage): Promise<void> {
  try {
    await client.payments.processPayment.send({ userId: "ada", amount: -1 });
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    const issues = error.issues.map(({ path, message }) => `${path}: ${message}`);
    return report.tell("refused", { actor: error.actor, error: issues.join("; ") });
  }
  throw new Error("a negative amount was sent");
}

/** Each attempt fails, until none is left. Nobody waits for the message, and still it is not lost: the office hears of it. */
async function mailNobody({ client, broker, report }: Stage): Promise<void> {
  const input = { to: "nobody@bounces.example", receiptId: "r-0" };
  const message = await client.mail.sendReceipt.send(input);
  report.tell("sent", { ...name(message), input });
  await findDead(broker, report, message);
  await until("mail for the office", () => mailFor("office@mail.example"));
}

/** Waits for the answer of a message. */
async function answer<Output>(report: Report, message: Message<Output>, input: unknown): Promise<Output> {
  report.tell("sent", { ...name(message), input });
  const output = await message.result();
  report.tell("answered", { ...name(message), output });
  return output;
}

/** Waits until a message is in the dead letters. */
async function findDead(broker: Broker, report: Report, message: SentMessage): Promise<void> {
  const letter = await until(`${message.actor} in the dead letters`, async () => {
    const letters = await broker.deadLetters.list(message.queue);
    return letters.find(({ id }) => id === message.id);
  });
  const { reason, attempts, error } = letter;
  report.tell("dead", { ...name(message), reason, attempts, error: `${error.name}: ${error.message}` });
}

function name({ actor, id }: SentMessage): { readonly actor: string; readonly id: string } {
  return { actor, id };
}

/** Looks again and again until there is something to see. */
async function until<Seen>(what: string, look: () => Seen | undefined | Promise<Seen | undefined>): Promise<Seen> {
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(20)) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`There is still no ${what} after ${PATIENCE} ms.`);
}
