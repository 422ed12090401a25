/** The producer's side of an actor: validate, wrap in an envelope, publish. */
import type { Actor, InputOf, IsTracked, OutputOf, ProgressOf } from "../actor.js";
import type { Broker } from "../seams/broker.js";
import { claimsOf, type Claim } from "../seams/claims.js";
import { settlesWithin, systemClock } from "../support/clock.js";
import type { Priority } from "../vocabulary/contract.js";
import { trackingOf, type ControlStore } from "../seams/controls.js";
import { defaults } from "../vocabulary/defaults.js";
import type { Duration } from "../vocabulary/duration.js";
import type { Headers } from "../wire/envelope.js";
import { BrokerUnavailableError, InvalidInputError, NotSentError } from "../vocabulary/errors.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";
import { createId } from "../wire/id.js";
import { allOf, orElse } from "../support/maybe.js";
import type { MaybePlaced } from "../middleware.js";
import type { MessageOptions } from "../vocabulary/options.js";
import { createPartitioner } from "../sending/partitioner.js";
import { PLAIN, prepare, type Posting, type Prepared } from "../sending/posting.js";
import type { Seal } from "../wire/seal.js";
import { checkSeal } from "../wire/wire-value.js";
import { assertAgreement } from "./agreement.js";
import { hasInput, part, type FlowMessage, type FlowPart, type StepPart } from "./flows/part.js";
import {
  awaitResult,
  MessageHandle,
  type Message,
  type ProgressingMessage,
  type ResultOptions,
  type Sender,
  type Sent,
  type SentMessage,
  type TrackedMessage,
} from "./message.js";
import { noteSending } from "./status.js";
import { composeClient, type ClientMiddleware } from "./middleware.js";
import { createScheduleClient, type ScheduleClient } from "./schedules.js";
import { checkId, readPosting } from "./send-options.js";

/** How a message is sent, where it differs from its contract. */
export interface SendOptions extends MessageOptions {
  /** How long to hold it back, by the broker's clock. Default: not at all. */
  readonly delay?: Duration;
  /** 0 to 9, higher first. Default: the contract's. */
  readonly priority?: Priority;
  /** Texts that travel beside the input: middleware and `task.message` have them. */
  readonly headers?: Headers;
  /**
   * An id of your own: 1 to 128 characters without blanks and braces, and another one for every message of every actor.
   * It is accepted once within the client's `idTtl`: sent again, nothing is sent, and the answer is the same message.
   */
  readonly id?: string;
}

/** How many messages are sent at once: each has an id of its own. */
export type SendManyOptions = Omit<SendOptions, "id">;

/** How a step of a pipeline or a member of a group is sent: its id is made of the flow's. */
export type StepOptions = Omit<SendOptions, "id">;

/** Sends messages to an actor that answers nothing. */
export interface SendOnlyClient<Input, Sent = SentMessage> extends FlowPart<Input, void>, ScheduleClient<Input> {
  /**
   * Sends a message. Resolves when the broker has it.
   * @throws InvalidInputError the input does not fit the contract; nothing was sent
   * @throws BrokerUnavailableError the broker cannot be reached; whether the message arrived is unknown
   */
  send(input: Input, options?: SendOptions): Promise<Sent>;
  /** Sends many messages at once: all of them are valid, or none is sent. */
  sendMany(inputs: readonly Input[], options?: SendManyOptions): Promise<Sent[]>;
  /** A message that was sent before, here or by another process. It is not asked for: whether there is one is unknown. */
  handle(id: string): Sent;
  /** The actor as a step of a pipeline or a member of a group, sent with these options. */
  with(options: StepOptions): FlowPart<Input, void>;
  /**
   * A message that is not sent yet: a part of a pipeline or a group that has its input already. The input is checked
   * when the flow is sent.
   */
  message(input: Input, options?: StepOptions): FlowMessage<void>;
}

/** Sends messages to an actor and receives its answers. */
export interface CallableClient<Input, Output, Sent = Message<Output>>
  extends FlowPart<Input, Output>, ScheduleClient<Input> {
  /**
   * Sends a message. Resolves when the broker has it; `result()` of what it resolves to waits for the answer.
   * @throws InvalidInputError the input does not fit the contract; nothing was sent
   * @throws BrokerUnavailableError the broker cannot be reached; whether the message arrived is unknown
   */
  send(input: Input, options?: SendOptions): Promise<Sent>;
  /** Sends many messages at once: all of them are valid, or none is sent. */
  sendMany(inputs: readonly Input[], options?: SendManyOptions): Promise<Sent[]>;
  /**
   * Sends a message and waits for its answer: `send` and `result` in one, with one round trip less.
   * @throws RemoteFailureError the message is dead; `remote` is the handler's error
   * @throws ResultTimeoutError there is no answer yet; the message may still run
   */
  call(input: Input, options?: SendOptions & ResultOptions): Promise<Output>;
  /**
   * A message that was sent before, here or by another process: its `result()` can be awaited anywhere, where results are
   * kept for all (on RabbitMQ: in a result store).
   */
  handle(id: string): Sent;
  /** The actor as a step of a pipeline or a member of a group, sent with these options. */
  with(options: StepOptions): FlowPart<Input, Output>;
  /**
   * A message that is not sent yet: a part of a pipeline or a group that has its input already. The input is checked
   * when the flow is sent.
   */
  message(input: Input, options?: StepOptions): FlowMessage<Output>;
}

/** The client of an actor: it can be called only where there is an output. */
export type ActorClient<A extends Actor> = [OutputOf<A>] extends [void]
  ? SendOnlyClient<InputOf<A>, SentMessage & Followable<A>>
  : CallableClient<InputOf<A>, OutputOf<A>, Message<OutputOf<A>> & Followable<A>>;

/** What can be asked of an actor's messages while they are under way: nothing, their status, their progress as well. */
type Followable<A extends Actor> = [ProgressOf<A>] extends [never]
  ? IsTracked<A> extends true
    ? TrackedMessage
    : unknown
  : ProgressingMessage<ProgressOf<A>>;

/** Actors by their contract files' names, then by their exports'. */
export type ActorGroups = Readonly<Record<string, Readonly<Record<string, Actor>>>>;

/** The clients of a contract file's actors. */
export type GroupClient<Actors> = {
  readonly [Name in keyof Actors]: Actors[Name] extends Actor ? ActorClient<Actors[Name]> : never;
};

/** How a client behaves. */
export interface ClientOptions {
  /** How long `call()` and `result()` wait where they are not told. Default: `"10s"`. */
  readonly resultTimeout?: Duration;
  /** Seals every input, and opens the outputs: `createSeal({ current, keys })`. Default: nothing is sealed. */
  readonly seal?: Seal;
  /** How long an `id` that you give a message is accepted only once. Default: `"1d"`. */
  readonly idTtl?: Duration;
  /** Your own middleware, around the sending of each message; the first is the outermost. */
  readonly middleware?: readonly MaybePlaced<ClientMiddleware>[];
}

const clientOptionNames = ["resultTimeout", "seal", "idTtl", "middleware"] as const satisfies (keyof ClientOptions)[];

/** Binds actors to a broker. */
export function createClient<Groups extends ActorGroups>(
  broker: Broker,
  groups: Groups,
  options: ClientOptions = {},
): { readonly [Name in keyof Groups]: GroupClient<Groups[Name]> } {
  const clients = mapValues(groups, (actors) =>
    mapValues(actors, (actor) => createActorClient(broker, actor, options)),
  );
  return clients as { readonly [Name in keyof Groups]: GroupClient<Groups[Name]> };
}

/** Binds one actor to a broker. */
export function createActorClient<A extends Actor>(
  broker: Broker,
  actor: A,
  options: ClientOptions = {},
): ActorClient<A> {
  refuseUnknownOptions("the client", options, clientOptionNames);
  const resultTimeout = duration('"resultTimeout"', options.resultTimeout) ?? defaults.client.resultTimeout;
  // Then every message carries the address, called or sent: its result would not be found without.
  const addressed = broker.results.addressedOnly === true && actor.output !== undefined;
  const seal = checkSeal(options.seal);
  const sender: Sender = { broker, actor, resultTimeout, seal };
  const handle = (sent: Sent) => new MessageHandle(sender, sent);
  assertAgreement(broker, actor);
  const clock = broker.clock ?? systemClock;
  const idTtl = duration('"idTtl"', options.idTtl) ?? defaults.client.idTtl;
  const brokersTime = () => broker.now();
  const plain: Posting = {
    ...PLAIN,
    priority: actor.options.priority,
    actor,
    partition: createPartitioner(actor),
    seal,
    marks: broker.claims?.marks === true,
    clock,
    idTtl,
    brokersTime,
  };
  if (actor.unique !== undefined) claimsOf(broker, `${actor.name}: "unique"`);
  const tracking = trackingOf(broker, actor);
  const through = composeClient(options.middleware ?? []);

  /** Publishes messages; where they are tracked, what is recorded of them travels beside them. */
  async function publishTracked(store: ControlStore, messages: readonly Prepared[]): Promise<void> {
    const noted = noteSending(sender, store, messages);
    await broker.publish(messages);
    await noted;
  }
  const publish = (messages: readonly Prepared[]) =>
    tracking === undefined ? broker.publish(messages) : publishTracked(tracking, messages);

  /** Sends a message that claims something; it is another one that is answered with where that has it already. */
  async function claim(message: Prepared, claims: readonly Claim[]): Promise<Sent> {
    const { id, sent } = await claimsOf(broker, `${actor.name}: an id of your own`).publish(message, claims);
    if (sent && tracking !== undefined) await noteSending(sender, tracking, [message]);
    return { id, queue: message.queue };
  }

  /** Hands a message to the broker. Most messages come this way: a step that needs no promise of its own has none. */
  const deliver = (message: Prepared): Promise<Sent> =>
    message.claims === undefined ? publish([message]).then(() => message) : claim(message, message.claims);

  /** Sends one message, through the middleware where there is some. */
  function post(posting: Posting, input: unknown, reply: string | undefined, id: string): Promise<Sent> {
    const send = (posting: Posting, input: unknown) => {
      const prepared = prepare(posting, input, reply, id);
      return prepared instanceof Promise ? prepared.then(deliver) : deliver(prepared);
    };
    if (through === undefined) return send(posting, input);
    const { priority, delay, headers = {} } = posting;
    let sent: Sent | undefined;
    const passed = through({ id, actor, input, headers, priority, delay }, async (message) => {
      const { headers, priority, delay } = message;
      sent = await send({ ...posting, headers, priority, delay }, message.input);
    });
    return passed.then(() => {
      if (sent === undefined) throw new NotSentError(actor.name);
      return sent;
    });
  }

  const step: StepPart = { kind: "step", sender, through, posting: readPosting(plain, "with", undefined) };
  const client: CallableClient<unknown, unknown> = {
    ...createScheduleClient(broker, actor, seal),
    async send(input, sendOptions) {
      const posting = readPosting(plain, "send", sendOptions);
      const reply = addressed ? await broker.results.address() : undefined;
      return handle(await post(posting, input, reply, posting.id ?? createId()));
    },
    async sendMany(inputs, sendOptions) {
      const posting = readPosting(plain, "sendMany", sendOptions);
      const reply = addressed ? await broker.results.address() : undefined;
      const publications = await allOf(
        inputs.map((input, index) =>
          orElse(
            () => prepare(posting, input, reply),
            (error) => {
              throw error instanceof InvalidInputError ? error.within(`inputs[${index}]`) : error;
            },
          ),
        ),
      );
      if (through !== undefined) {
        // All of them are valid as they are; what middleware makes of each goes its own way.
        const posts = inputs.map((input) => post(posting, input, reply, createId()));
        return (await Promise.all(posts)).map(handle);
      }
      if (actor.unique !== undefined) return (await Promise.all(publications.map(deliver))).map(handle);
      await publish(publications);
      return publications.map(handle);
    },
    async call(input, callOptions) {
      const posting = readPosting(plain, "call", callOptions);
      const limit = duration('"timeout"', callOptions?.timeout) ?? resultTimeout;
      const started = systemClock.elapsed();
      const address = broker.results.address();
      const reply = address instanceof Promise ? await inTime(address, limit, broker.name) : address;
      const left = () => Math.max(0, Math.ceil(limit - (systemClock.elapsed() - started)));
      const { id = createId() } = posting;
      const sent = post(posting, input, reply, id);
      if (actor.unique !== undefined || posting.id !== undefined) {
        // It may be another message that answers.
        const found = await sent;
        return awaitResult(sender, found, { timeout: left(), addressed: false }, limit);
      }
      // In one turn with the waiting, so that no answer is too quick for it.
      const wait = { timeout: left(), addressed: true, sent };
      return awaitResult(sender, { id, queue: actor.options.queue }, wait, limit);
    },
    handle(id) {
      const sent = { id: checkId(`${actor.name}.handle`, id), queue: actor.options.queue };
      return new MessageHandle(sender, sent, { foreign: true });
    },
    [part]: step,
    with: (options) => ({ [part]: { ...step, posting: readPosting(plain, "with", options) } }),
    message(input, options) {
      const posting = readPosting(plain, "message", options);
      return { [part]: { ...step, posting, given: { input } }, [hasInput]: true };
    },
  };
  actors.set(client, actor);
  return client as ActorClient<A>;
}

/** The actors that clients send to. */
const actors = new WeakMap<object, Actor>();

/** The actor that a client sends to; `undefined` for what is no actor's client. */
export function actorOf(client: object): Actor | undefined {
  return actors.get(client);
}

/** What a call needs before it can be sent counts against its time. */
async function inTime<T>(step: Promise<T>, limit: number, broker: string): Promise<T> {
  if (await settlesWithin(systemClock, limit, step)) return step;
  throw new BrokerUnavailableError(`${broker} did not answer within ${limit} ms; nothing was sent`);
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
