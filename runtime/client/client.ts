/** The producer's side of an actor: validate, wrap in an envelope, publish. */
import type { Actor, InputOf, OutputOf } from "../actor.js";
import type { Broker, Publication } from "../broker.js";
import type { Priority } from "../contract.js";
import { defaults } from "../defaults.js";
import { parseDuration, type Duration } from "../duration.js";
import { encodeEnvelope } from "../envelope.js";
import { InvalidInputError, InvalidOptionError, MessageTooLargeError } from "../errors.js";
import { createId } from "../id.js";
import { isBounded, isClean } from "../json.js";
import { nearest } from "../nearest.js";
import type { Checked } from "../schema.js";
import { TAGGED, toTagged } from "../tagged.js";
import { awaitResult, resultTimeout, Message, type ResultOptions, type SentMessage } from "./message.js";

/** How a message is sent, where it differs from its contract. */
export interface SendOptions {
  /** How long to hold it back, by the broker's clock. Default: not at all. */
  readonly delay?: Duration;
  /** 0 to 9, higher first. Default: the contract's. */
  readonly priority?: Priority;
}

/** Sends messages to an actor that answers nothing. */
export interface SendOnlyClient<Input> {
  /**
   * Sends a message. Resolves when the broker has it.
   * @throws InvalidInputError the input does not fit the contract; nothing was sent
   * @throws BrokerUnavailableError the broker cannot be reached; whether the message arrived is unknown
   */
  send(input: Input, options?: SendOptions): Promise<SentMessage>;
  /** Sends many messages at once: all of them are valid, or none is sent. */
  sendMany(inputs: readonly Input[], options?: SendOptions): Promise<SentMessage[]>;
}

/** Sends messages to an actor and receives its answers. */
export interface CallableClient<Input, Output> {
  /**
   * Sends a message. Resolves when the broker has it; `result()` of what it resolves to waits for the answer.
   * @throws InvalidInputError the input does not fit the contract; nothing was sent
   * @throws BrokerUnavailableError the broker cannot be reached; whether the message arrived is unknown
   */
  send(input: Input, options?: SendOptions): Promise<Message<Output>>;
  /** Sends many messages at once: all of them are valid, or none is sent. */
  sendMany(inputs: readonly Input[], options?: SendOptions): Promise<Message<Output>[]>;
  /**
   * Sends a message and waits for its answer: `send` and `result` in one, with one round trip less.
   * @throws RemoteFailureError the message is dead; `remote` is the handler's error
   * @throws ResultTimeoutError there is no answer yet; the message may still run
   */
  call(input: Input, options?: SendOptions & ResultOptions): Promise<Output>;
}

/** The client of an actor: it can be called only where there is an output. */
export type ActorClient<A extends Actor> = [OutputOf<A>] extends [void]
  ? SendOnlyClient<InputOf<A>>
  : CallableClient<InputOf<A>, OutputOf<A>>;

/** How a client behaves. */
export interface ClientOptions {
  /** How long `call()` and `result()` wait where they are not told. Default: `"10s"`. */
  readonly resultTimeout?: Duration;
}

/** Binds one actor to a broker. `createClient` of generated code does it for all of them. */
export function createActorClient<A extends Actor>(
  broker: Broker,
  actor: A,
  options: ClientOptions = {},
): ActorClient<A> {
  const timeout = resultTimeout(options.resultTimeout) ?? defaults.client.resultTimeout;
  // Then every message carries the address, called or sent: its result would not be found without.
  const addressed = broker.results.addressedOnly === true && actor.output !== undefined;
  const handle = (id: string) => new Message<unknown>(broker, actor, id, timeout);

  const client: CallableClient<unknown, unknown> = {
    async send(input, sendOptions) {
      const reply = addressed ? await broker.results.address() : undefined;
      const publication = await prepare(actor, input, sendOptions, reply);
      await broker.publish([publication]);
      return handle(publication.id);
    },
    async sendMany(inputs, sendOptions) {
      const reply = addressed ? await broker.results.address() : undefined;
      const publications = await Promise.all(inputs.map((input) => prepare(actor, input, sendOptions, reply)));
      await broker.publish(publications);
      return publications.map(({ id }) => handle(id));
    },
    async call(input, { timeout: limit, ...sendOptions } = {}) {
      const wait = resultTimeout(limit) ?? timeout;
      const reply = await broker.results.address();
      const publication = await prepare(actor, input, sendOptions, reply);
      // The waiting begins before the sending, so that no answer is too quick for it.
      const abandon = new AbortController();
      const answer = awaitResult(broker, actor, publication.id, {
        timeout: wait,
        addressed: true,
        signal: abandon.signal,
      });
      const sent = broker.publish([publication]).catch((error: unknown) => {
        abandon.abort(error);
        throw error;
      });
      const [output] = await Promise.all([answer, sent]);
      return output;
    },
  };
  return client as ActorClient<A>;
}

async function prepare(
  actor: Actor,
  input: unknown,
  options: SendOptions | undefined,
  reply?: string,
): Promise<Publication> {
  const { delay, priority } = options === undefined ? { delay: 0, priority: undefined } : resolve(actor, options);
  const check = actor.input.check(input);
  const checked: Checked = check instanceof Promise ? await check : check;
  if (!checked.ok) throw new InvalidInputError(actor.name, checked.issues);
  // What travels is the input as the producer gave it: defaults and transforms are the reader's, and run once.
  const tagged = actor.input.tagged;
  const inputJson = JSON.stringify(tagged ? toTagged(input) : input) as string | undefined;
  if (inputJson === undefined) {
    throw new InvalidInputError(actor.name, [{ path: "", message: "it cannot be written as JSON" }]);
  }
  checkShape(actor.name, inputJson, input);
  const id = createId();
  const body = encodeEnvelope({
    id,
    actor: actor.name,
    v: actor.fingerprint,
    at: Date.now(),
    reply,
    encoding: tagged ? TAGGED : undefined,
    inputJson,
  });
  checkSize(actor.name, body);
  return { id, queue: actor.options.queue, priority: priority ?? actor.options.priority, delay, body };
}

/** What every worker would refuse to read is not sent. */
function checkShape(actor: string, json: string, input: unknown): void {
  // One level is the envelope itself.
  const limit = defaults.message.maxDepth - 1;
  const message = !isBounded(json, limit)
    ? `it is nested deeper than ${limit} levels`
    : isClean(json, input)
      ? undefined
      : 'it has a key named "__proto__"';
  if (message !== undefined) throw new InvalidInputError(actor, [{ path: "", message }]);
}

function checkSize(actor: string, body: string): void {
  const limit = defaults.message.maxBytes;
  if (body.length * 3 <= limit) return;
  const bytes = Buffer.byteLength(body);
  if (bytes > limit) throw new MessageTooLargeError(actor, bytes, limit);
}

const sendOptionNames = ["delay", "priority"] as const satisfies (keyof SendOptions)[];

function resolve(actor: Actor, options: SendOptions): { delay: number; priority: number | undefined } {
  for (const name of Object.keys(options)) {
    if ((sendOptionNames as readonly string[]).includes(name)) continue;
    const near = nearest(name, sendOptionNames);
    const help = near === undefined ? `Known options: ${sendOptionNames.join(", ")}.` : `Did you mean "${near}"?`;
    throw new InvalidOptionError(`${actor.name}: there is no send option "${name}". ${help}`);
  }
  const delay = parseDuration(options.delay ?? 0);
  if (delay === undefined) {
    throw new InvalidOptionError(
      `${actor.name}: "delay" must be a duration, milliseconds or a text such as "15s"; it is ${JSON.stringify(options.delay)}.`,
    );
  }
  const priority: number | undefined = options.priority;
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 9)) {
    throw new InvalidOptionError(`${actor.name}: "priority" must be a whole number from 0 to 9; it is ${priority}.`);
  }
  return { delay, priority };
}
