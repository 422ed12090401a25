/** What must not compile, and what must: the types of contracts, clients and workers. Checked by `npm run types`. */
import {
  actor,
  barrier,
  concurrencyLimiter,
  type Contract,
  type Duration,
  type ExhaustedMessage,
  memoryBroker,
  rateLimiter,
  type Slot,
} from "callboard";
import {
  createActorClient,
  createClient,
  type Actor,
  type CallableClient,
  type GroupClient,
  type InputOf,
  type MessageStatus,
  type OutputOf,
  type ProgressOf,
  type ReceivedOf,
  type ReportedOf,
  type ReturnedOf,
  type SendOnlyClient,
} from "callboard/client";
import { createWorker, type Handler, type HandlersOf, type KnownQueue, type WorkerOptions } from "callboard/worker";
import { z } from "zod";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function assert<_T extends true>(): void;

// Contracts

const charge = actor({ input: z.object({ amount: z.number().default(1) }), output: z.string().transform(Number) });

assert<
  typeof charge extends Contract<infer S>
    ? Equal<
        S,
        { input: { amount?: number | undefined }; output: number; received: { amount: number }; returned: string }
      >
    : false
>();

actor({ input: z.string(), queue: "q", priority: 9, maxRetries: 0, minBackoff: "1.5s", maxBackoff: 5, jitter: false });
// @ts-expect-error an input is required
actor({ output: z.string() });
// @ts-expect-error an unknown option
actor({ input: z.string(), maxRetires: 3 });
// @ts-expect-error a priority out of range
actor({ input: z.string(), priority: 10 });
// @ts-expect-error no duration
actor({ input: z.string(), minBackoff: "10 parsecs" });
// @ts-expect-error no schema
actor({ input: String });

actor({ input: z.object({ user: z.string() }), partitions: 8, partitionKey: ({ user }) => user });
actor({ input: z.string().transform(Number), partitions: 8, partitionKey: (sent) => sent.length });
actor({ input: z.object({ n: z.number().default(1) }), partitions: 8, partitionKey: ({ n }) => n ?? "none" });
// @ts-expect-error the key is taken from what is sent, and that has no such property
actor({ input: z.object({ user: z.string() }), partitions: 8, partitionKey: ({ usr }) => String(usr) });
// @ts-expect-error the key may be left out by the sender
actor({ input: z.object({ n: z.number().default(1) }), partitions: 8, partitionKey: ({ n }) => n });
// @ts-expect-error no key
actor({ input: z.object({ user: z.date() }), partitions: 8, partitionKey: ({ user }) => user });

const orders = z.object({ user: z.string().transform(Number), at: z.date() });
actor({ input: orders, concurrencyLimit: 1 });
actor({ input: orders, concurrencyLimit: { limit: 5, key: ({ user }) => user.toFixed(), lease: "1m" } });
actor({ input: orders, rateLimit: { limit: 100, per: "1m", kind: "bucket", key: ({ user }) => user } });
// @ts-expect-error the key is taken from the validated input, and that has no such property
actor({ input: orders, concurrencyLimit: { limit: 5, key: ({ usr }) => String(usr) } });
// @ts-expect-error no key
actor({ input: orders, rateLimit: { limit: 5, per: "1m", key: ({ at }) => at } });
// @ts-expect-error a rate needs a time
actor({ input: orders, rateLimit: { limit: 5 } });
// @ts-expect-error an unknown kind
actor({ input: orders, rateLimit: { limit: 5, per: "1m", kind: "leaky" } });
actor({ input: z.object({ user: z.string() }), unique: { key: ({ user }) => user, for: "10m", mode: "debounce" } });
actor({ input: z.string().transform(Number), unique: { key: (sent) => sent.length, for: 5, freeAtEnd: false } });
// @ts-expect-error the key is taken from what is sent, and that has no such property
actor({ input: z.object({ user: z.string() }), unique: { key: ({ usr }) => String(usr), for: "10m" } });
// @ts-expect-error no key
actor({ input: z.object({ user: z.date() }), unique: { key: ({ user }) => user, for: "10m" } });
// @ts-expect-error no time
actor({ input: z.string(), unique: { key: (text) => text } });
// @ts-expect-error an unknown mode
actor({ input: z.string(), unique: { key: (text) => text, for: "10m", mode: "keep" } });
// @ts-expect-error an unknown member
actor({ input: z.string(), unique: { key: (text) => text, for: "10m", fro: "10m" } });

actor({ input: z.object({}), schedule: "0 3 * * *" });
actor({ input: z.object({ day: z.string().optional() }), schedule: "0 3 * * *" });
actor({
  input: z.object({ day: z.string().default("today") }),
  schedule: ["0 3 * * *", { cron: "@daily", name: "b" }],
});
actor({
  input: z.object({ n: z.number() }),
  schedule: { cron: "0 3 * * *", input: { n: 1 }, timeZone: "Europe/Berlin" },
});
actor({ input: z.string(), schedule: { cron: "0 3 * * *", input: ({ at }) => at.toISOString(), catchUp: "last" } });
actor({ input: z.string(), schedule: [{ cron: "0 3 * * *", input: async () => "later", overlap: false }] });
// @ts-expect-error it needs an input
actor({ input: z.object({ n: z.number() }), schedule: "0 3 * * *" });
// @ts-expect-error it needs an input
actor({ input: z.object({ n: z.number() }), schedule: { cron: "0 3 * * *" } });
// @ts-expect-error a wrong input
actor({ input: z.object({ n: z.number() }), schedule: { cron: "0 3 * * *", input: { n: "1" } } });
// @ts-expect-error a function that makes a wrong input
actor({ input: z.string(), schedule: { cron: "0 3 * * *", input: () => 5 } });
// @ts-expect-error no such policy
actor({ input: z.unknown(), schedule: { cron: "0 3 * * *", catchUp: "some" } });
// @ts-expect-error no cron expression
actor({ input: z.unknown(), schedule: { timeZone: "UTC" } });

const durations: Duration[] = [5, "5ms", "1.5 minutes", "7d"];
// @ts-expect-error no unit
durations.push("5");

class Declined extends Error {
  constructor(readonly code: number) {
    super(`declined: ${code}`);
  }
}
actor({
  input: z.string(),
  throws: [TypeError, Declined],
  retryWhen: (error, attempt) => error !== null && attempt < 3,
});
actor({ input: z.string(), maxAge: "1h", isolate: true, notifyShutdown: true });
// @ts-expect-error an error, and no class of errors
actor({ input: z.string(), throws: [new Declined(1)] });
// @ts-expect-error a class of something else
actor({ input: z.string(), throws: [Date] });
// @ts-expect-error it has to decide at once
actor({ input: z.string(), retryWhen: async () => true });

const givenUp = actor({
  input: z.object({ id: z.string(), input: z.object({ user: z.string() }), error: z.object({ message: z.string() }) }),
});
actor({ input: z.object({ user: z.string(), amount: z.number() }), onRetryExhausted: givenUp });
actor({ input: z.string(), onRetryExhausted: actor({ input: z.unknown() }) });
actor({
  input: z.date(),
  onRetryExhausted: actor({ input: z.object({ id: z.string(), input: z.date().transform(Number) }), output: z.null() }),
});
// @ts-expect-error its input does not accept this one
actor({ input: z.object({ amount: z.number() }), onRetryExhausted: givenUp });
// @ts-expect-error nor what is no exhausted message
actor({ input: z.string(), onRetryExhausted: charge });
// @ts-expect-error the name of a contract is no contract
actor({ input: z.string(), onRetryExhausted: "mails.givenUp" });
declare const exhausted: ExhaustedMessage<{ user: string }>;
assert<Equal<typeof exhausted.input, { user: string }>>();

// Clients

declare const oneWay: Actor<{ input: { to: string } }>;
declare const answered: Actor<{ input: { n: number }; output: string; received: { n: bigint }; returned: number }>;
assert<Equal<InputOf<typeof answered>, { n: number }>>();
assert<Equal<OutputOf<typeof answered>, string>>();
assert<Equal<ReceivedOf<typeof answered>, { n: bigint }>>();
assert<Equal<ReturnedOf<typeof answered>, number>>();
assert<Equal<OutputOf<typeof oneWay>, void>>();
assert<Equal<ReceivedOf<typeof oneWay>, { to: string }>>();

const sender = createActorClient<typeof oneWay>(memoryBroker(), oneWay);
const caller = createActorClient<typeof answered>(memoryBroker(), answered);

const groups = createClient(memoryBroker(), { mails: { oneWay, answered } });
assert<Equal<typeof groups.mails.oneWay, SendOnlyClient<{ to: string }>>>();
assert<Equal<typeof groups.mails.answered, CallableClient<{ n: number }, string>>>();
assert<Equal<typeof groups.mails, GroupClient<{ oneWay: typeof oneWay; answered: typeof answered }>>>();
// @ts-expect-error no such actor
void groups.mails.other;
// @ts-expect-error no actors
createClient(memoryBroker(), { mails: { oneWay: sender } });

export async function clients(): Promise<void> {
  const sent = await sender.send({ to: "ada" }, { delay: "10m", priority: 0 });
  // @ts-expect-error there is no output to wait for
  void sent.result;
  // @ts-expect-error nor to call for
  void sender.call;
  const message = await caller.send({ n: 1 });
  const result = await message.result({ timeout: "5s" });
  assert<Equal<typeof result, string>>();
  const called = await caller.call({ n: 1 }, { timeout: 5, priority: 3 });
  assert<Equal<typeof called, string>>();
  const many = await caller.sendMany([{ n: 1 }]);
  assert<Equal<Awaited<ReturnType<(typeof many)[number]["result"]>>, string>>();
  await caller.send({ n: 1 }, { id: "order-42" });
  await caller.schedule("night", { cron: "0 3 * * *", input: { n: 1 } });
  // @ts-expect-error it needs an input
  await caller.schedule("night", "0 3 * * *");
  // @ts-expect-error a function cannot be stored
  await caller.schedule("night", { cron: "0 3 * * *", input: () => ({ n: 1 }) });
  // @ts-expect-error many messages have no id in common
  await caller.sendMany([{ n: 1 }], { id: "order-42" });
  // @ts-expect-error a wrong input
  await caller.send({ n: "1" });
  // @ts-expect-error a key too many
  await caller.send({ n: 1, m: 2 });
  // @ts-expect-error an unknown option
  await caller.send({ n: 1 }, { dealy: 5 });
  await sender.send({ to: "ada" }, { maxRetries: 0, minBackoff: 5, maxBackoff: "1m", maxAge: "1h", timeLimit: "5s" });
  await caller.sendMany([{ n: 1 }], { resultTtl: "1h" });
  // @ts-expect-error no number of retries
  await caller.send({ n: 1 }, { maxRetries: "3" });
  // @ts-expect-error what only a contract can say
  await caller.send({ n: 1 }, { isolate: true });
  const handle = caller.handle(message.id);
  assert<Equal<Awaited<ReturnType<typeof handle.result>>, string>>();
  // @ts-expect-error a send does not wait
  await caller.send({ n: 1 }, { timeout: 5 });
}

declare const developing: Actor<{
  input: string;
  output: number;
  progress: { at: Date };
  reported: { at: string };
  tracked: true;
}>;
declare const cutting: Actor<{ input: string; tracked: true }>;
assert<Equal<ProgressOf<typeof developing>, { at: Date }>>();
assert<Equal<ReportedOf<typeof developing>, { at: string }>>();
assert<Equal<ProgressOf<typeof cutting>, never>>();

export async function following(): Promise<void> {
  const message = await createActorClient<typeof developing>(memoryBroker(), developing).send("a");
  for await (const { at } of message.progress({ timeout: "1m" })) assert<Equal<typeof at, Date>>();
  assert<Equal<Awaited<ReturnType<typeof message.result>>, number>>();
  assert<Equal<Awaited<ReturnType<typeof message.status>>, MessageStatus>>();
  const answer = await message.cancel();
  assert<Equal<typeof answer, "cancelled" | "cancelling" | "ended">>();
  const cut = createActorClient<typeof cutting>(memoryBroker(), cutting).handle("id");
  void cut.status();
  // @ts-expect-error it tells nothing of its progress
  void cut.progress;
  const plain = caller.handle("id");
  void plain.cancel();
  // @ts-expect-error it is not tracked
  void plain.status;
  // @ts-expect-error an unknown option
  void message.progress({ timout: "1m" });
}

const film = actor({ input: z.string(), progress: z.string().transform(Number) });
assert<Equal<SignatureOfContract<typeof film>["progress"], number>>();
assert<Equal<SignatureOfContract<typeof film>["reported"], string>>();
assert<Equal<SignatureOfContract<typeof film>["tracked"], true>>();
const tracked = actor({ input: z.string(), track: true });
assert<Equal<SignatureOfContract<typeof tracked>["tracked"], true>>();
type SignatureOfContract<C> = C extends Contract<infer S, never> ? S : never;
// @ts-expect-error no schema
actor({ input: z.string(), progress: Number });

// Limiters by hand

export async function limiters(): Promise<void> {
  const mutex = concurrencyLimiter(memoryBroker(), "ledger", { limit: 1, lease: "1m" });
  assert<Equal<Awaited<ReturnType<typeof mutex.tryAcquire>>, Slot | undefined>>();
  const sum = await mutex.run((signal) => Number(signal.aborted), { timeout: "5s" });
  assert<Equal<typeof sum, number>>();
  // @ts-expect-error a rate needs a time
  rateLimiter(memoryBroker(), "vendor", { limit: 1 });
  // @ts-expect-error a limiter by hand has its key already
  concurrencyLimiter(memoryBroker(), "ledger", { limit: 1, key: String });
  // @ts-expect-error a barrier does not last for ever
  barrier(memoryBroker(), "meeting", { parties: 2 });
}

// Workers

interface Group {
  readonly one: Handler<typeof oneWay>;
  readonly two: Handler<typeof answered>;
}
interface QueueHandlers {
  readonly default: { readonly group: Pick<Group, "one"> };
  readonly slow: { readonly group: Pick<Group, "two"> };
}
declare function generated<const Q extends string = keyof QueueHandlers>(
  handlers: HandlersOf<QueueHandlers, Q>,
  options?: WorkerOptions<KnownQueue<QueueHandlers, Q>>,
): void;

const one: Group["one"] = ({ to }) => to;
const two: Group["two"] = async ({ n }, task) => Number(n) + task.message.attempt;
generated({ group: { one, two } });
generated({ group: { one } }, { queues: ["default"] });
// @ts-expect-error a handler is missing
generated({ group: { one } });
// @ts-expect-error a handler of the wrong queue
generated({ group: { one } }, { queues: ["slow"] });
// @ts-expect-error a misspelt handler
generated({ group: { one, two, tow: two } });
// @ts-expect-error an unknown queue
generated({ group: { one } }, { queues: ["defualt"] });
const develop: Handler<typeof developing> = (_, task) => {
  task.progress({ at: "now" });
  // @ts-expect-error a wrong progress
  task.progress({ at: new Date() });
  return 1;
};
// @ts-expect-error the contract has no progress
const cut: Handler<typeof cutting> = (_, task) => task.progress(1);
void [develop, cut];
// @ts-expect-error a wrong output
const wrongOutput: Group["two"] = () => "text";
// @ts-expect-error a wrong input
const wrongInput: Group["two"] = (input: { n: string }) => input.n.length;
void [wrongOutput, wrongInput];

const handlers = new URL("./handlers/index.js", import.meta.url);
createWorker(memoryBroker(), {}, {}, { isolate: handlers });
createWorker(memoryBroker(), {}, {}, { isolate: { handlers, threads: 2, memory: 64 } });
// @ts-expect-error handlers are a module's address, for a thread takes no functions
createWorker(memoryBroker(), {}, {}, { isolate: { handlers: { group: { one, two } } } });
// @ts-expect-error an unknown option
createWorker(memoryBroker(), {}, {}, { isolate: { handlers, thread: 2 } });
