/** The vocabulary: how a person declares an actor. Contract files import this and zod, nothing else. */
import type * as z from "zod/v4/core";
import type { Duration } from "./duration.js";

/** A message's priority: 0 to 9, higher first. */
export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** A class of errors. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** What the actor that `onRetryExhausted` names is sent. */
export interface ExhaustedMessage<Input = unknown> {
  /** The message's id. */
  readonly id: string;
  /** The actor that gave it up: `payments.processPayment`. */
  readonly actor: string;
  readonly queue: string;
  /** How many attempts were made. */
  readonly attempts: number;
  /** When it was sent: milliseconds since 1970 by the sender's clock. */
  readonly sentAt: number;
  /** What was sent, as its sender gave it. */
  readonly input: Input;
  /** What the last attempt threw. */
  readonly error: { readonly name: string; readonly message: string };
}

/** How many of an actor's messages are handled at once, in all workers together. */
export interface ConcurrencyLimit<I extends z.$ZodType = z.$ZodType> {
  /** How many, 1 or more; 1 is a mutex. */
  readonly limit: number;
  /** What the limit is counted by, such as a customer: each key has a limit of its own. It is given the validated input. */
  key?(input: z.output<I>): string | number;
  /** How long the slot of a worker that died stays taken; one that lives renews it. At least one second. Default: `"15s"`. */
  readonly lease?: Duration;
}

/** How many of an actor's messages are started within a time, in all workers together. */
export interface RateLimit<I extends z.$ZodType = z.$ZodType> {
  /** How many, 1 or more. */
  readonly limit: number;
  /** Within which time. */
  readonly per: Duration;
  /**
   * `"window"`: never more than `limit` starts in any span of `per`, exactly; it remembers each start for that long.
   * `"bucket"`: a bucket of `limit` tokens that is refilled evenly over `per`, of which each start takes one: up to twice
   * `limit` in the first `per`, and it remembers one number (the generic cell rate algorithm, ITU-T I.371).
   * Default: `"window"`.
   */
  readonly kind?: "window" | "bucket";
  /** What the limit is counted by, such as a customer: each key has a limit of its own. It is given the validated input. */
  key?(input: z.output<I>): string | number;
}

/** What becomes of a message whose key another has: see `UniqueOptions`. */
export type UniqueMode = "drop" | "replace" | "debounce";

/** Which messages of an actor count as one, and what is done about a further one. */
export interface UniqueOptions<I extends z.$ZodType = z.$ZodType> {
  /** Messages with one key count as one. It is given what the producer sends. */
  key(input: z.input<I>): string | number;
  /** How long a message has its key, from when it is due; less where it ends before and `freeAtEnd` holds. */
  readonly for: Duration;
  /**
   * What is done with a message whose key another has. `drop`: it is not sent; `send` answers with the one that is there.
   * `replace`: it takes the other's place, which does not run any more if it has not begun. `debounce`: the same, and
   * each message is held back for as long as `for` says, so that the last one of a burst runs. Default: `"drop"`.
   */
  readonly mode?: UniqueMode;
  /** Whether the key is free as soon as its message is done or dead. Default: true. */
  readonly freeAtEnd?: boolean;
}

/** What becomes of ticks that passed while nobody led: none of them is run, the last one, or all. */
export type CatchUp = "none" | "last" | "all";

/** A moment at which a schedule is due. */
export interface Tick {
  /** When it is due; it may be fired a little later. */
  readonly at: Date;
  /** The schedule's id: the actor's name, and its own where it has one. */
  readonly schedule: string;
}

/** When messages are sent by themselves. */
interface ScheduleTimes {
  /** `minute hour day month weekday`, with a field for seconds in front if you like: `"0 3 * * *"`, `"0 9-17 * * MON-FRI"`. */
  readonly cron: string;
  /** The time zone in which it is meant, with its daylight saving. Default: `"UTC"`. */
  readonly timeZone?: string;
  /** What becomes of ticks that passed while no worker ran. Default: `"none"`. */
  readonly catchUp?: CatchUp;
  /** Whether a tick is fired while the message of the one before has not ended. Default: true. */
  readonly overlap?: boolean;
}

/** The same in a contract, which may have several. */
interface NamedScheduleTimes extends ScheduleTimes {
  /** Tells several schedules of one actor apart. Default: their places in the list. */
  readonly name?: string;
}

/** A schedule with what its messages hold: a value, or a function of the tick. */
export type ScheduleOptions<Input = unknown> = NamedScheduleTimes &
  (Record<string, never> extends Input
    ? { readonly input?: Input | ((tick: Tick) => Input | Promise<Input>) }
    : { readonly input: Input | ((tick: Tick) => Input | Promise<Input>) });

/** A schedule; a cron expression alone where `{}` is an input. */
export type ScheduleOf<Input> = (Record<string, never> extends Input ? string : never) | ScheduleOptions<Input>;

/** A schedule that is made at run time: its input is a value. */
export type MadeScheduleOf<Input> =
  | (Record<string, never> extends Input ? string : never)
  | (ScheduleTimes & (Record<string, never> extends Input ? { readonly input?: Input } : { readonly input: Input }));

/** A schedule of any actor. */
export type AnySchedule = string | ScheduleOptions;

/** The schemas and options of an actor, as a contract states them. */
export interface ActorOptions<
  I extends z.$ZodType = z.$ZodType,
  O extends z.$ZodType | undefined = z.$ZodType | undefined,
  P extends z.$ZodType | undefined = z.$ZodType | undefined,
  Tracked extends boolean | undefined = boolean | undefined,
> {
  /** What a producer sends: any zod 4 schema. The producer sends its input form; defaults and transforms are applied by the worker. */
  readonly input: I;
  /** What the handler answers: any zod 4 schema. Leave it out for fire and forget: nothing is stored, and there is no `result()`. */
  readonly output?: O;
  /** The actor's name on the wire. Default: `<file>.<export>`. Set it to rename the export while messages are under way. */
  readonly name?: string;
  /** The queue that its messages wait in. Default: `"default"`. */
  readonly queue?: string;
  /**
   * Spreads the queue over this many partitions, 2 to 64: queues of their own, which can lie on different nodes of a
   * cluster. Every worker of the queue takes from all of them. Default: not at all. All actors of a queue need the same.
   */
  readonly partitions?: number;
  /**
   * What decides on a message's partition: messages of one key start in the order in which they were sent, as far as
   * they have one priority. It is given what the producer sends. Default: each partition in turn.
   */
  partitionKey?(input: z.input<I>): string | number;
  /** Which of the queue's messages go first: 0 to 9, higher first. Default: 5. */
  readonly priority?: Priority;
  /** How often a failed message is tried again before it is dead-lettered. Default: 20; 0 for never. */
  readonly maxRetries?: number;
  /** The wait before the first retry; it doubles with each further one. Default: `"15s"`. */
  readonly minBackoff?: Duration;
  /** The longest wait between two retries. Default: `"7d"`. */
  readonly maxBackoff?: Duration;
  /** Whether each wait is shortened by a random share of up to one half, so that retries spread out. Default: true. */
  readonly jitter?: boolean;
  /**
   * Whether a failed attempt is followed by another one: it is given what was thrown and the number of the attempt, from
   * 1. Without `maxRetries` it alone decides; with it, both have to agree. Default: `maxRetries` decides.
   */
  retryWhen?(error: unknown, attempt: number): boolean;
  /**
   * Errors that are never retried: the message is dead at once. An error belongs to a class also by its name, or by that
   * of a class above its own: a contract and a handler that are bundled apart have a copy of the class each.
   */
  readonly throws?: readonly ErrorClass[];
  /**
   * The exported contract of an actor that is told when the retries of a message are exhausted. Its input has to accept
   * an `ExhaustedMessage`.
   */
  readonly onRetryExhausted?: ExhaustedTarget<z.input<I>>;
  /** How long a message may wait before it is dead instead of attempted; its `delay` does not count. Default: for ever. */
  readonly maxAge?: Duration;
  /** How long one attempt may run before `task.signal` aborts and the attempt counts as failed. Default: `"10m"`. */
  readonly timeLimit?: Duration;
  /**
   * Runs the handler in a thread, so that its `timeLimit` stops also code that never yields. The worker has to be told
   * where the handlers are: `createWorker(broker, handlers, { isolate: … })`. Default: false.
   */
  readonly isolate?: boolean;
  /** Whether `task.signal` aborts as soon as the worker begins to stop, not after its `shutdownTimeout`. Default: false. */
  readonly notifyShutdown?: boolean;
  /** How long a result is kept. Default: `"10m"`. Only with an `output`. */
  readonly resultTtl?: Duration;
  /**
   * How many of its messages are handled at once, in all workers together; 1 is a mutex. A message that has to wait holds
   * up nothing else and costs no retry. Needs a broker with a state store. Default: no limit but the workers' concurrency.
   */
  readonly concurrencyLimit?: number | ConcurrencyLimit<I>;
  /**
   * How many of its messages are started within a time, in all workers together; every attempt counts. A message that has
   * to wait holds up nothing else and costs no retry. Needs a broker with a state store. Default: no limit.
   */
  readonly rateLimit?: RateLimit<I>;
  /**
   * Whether it is recorded how each message stands, so that `message.status()` can tell. It costs two or three commands a
   * message. Needs a broker with a state store. Default: false; true where there is a `progress`.
   */
  readonly track?: Tracked;
  /**
   * What the handler tells of its progress with `task.progress(value)`: any zod 4 schema without asynchronous parts.
   * Callers follow it with `message.progress()`. Default: there is none.
   */
  readonly progress?: P;
  /** When messages are sent by themselves: `"0 3 * * *"`, `{ cron, timeZone, input }`, or a list of such. Default: never. */
  readonly schedule?: ScheduleOf<z.input<I>> | readonly ScheduleOf<z.input<I>>[];
  /** Which messages count as one: `{ key: ({ userId }) => userId, for: "10m" }`. Default: none. */
  readonly unique?: UniqueOptions<I>;
}

/** The types that an actor's messages have on their way. */
export interface Signature {
  /** What a producer sends. */
  readonly input: unknown;
  /** What a caller receives; absent for fire and forget. */
  readonly output?: unknown;
  /** What the handler receives, where defaults or transforms make it differ from `input`. */
  readonly received?: unknown;
  /** What the handler returns, where defaults or transforms make it differ from `output`. */
  readonly returned?: unknown;
  /** What a caller learns of the progress; absent where there is none. */
  readonly progress?: unknown;
  /** What the handler tells of it, where defaults or transforms make it differ from `progress`. */
  readonly reported?: unknown;
  /** It is recorded how each message stands. */
  readonly tracked?: true;
}

/** The four types of a contract's schemas. */
export type SignatureOf<I extends z.$ZodType, O extends z.$ZodType | undefined> = O extends z.$ZodType
  ? { input: z.input<I>; output: z.output<O>; received: z.output<I>; returned: z.input<O> }
  : { input: z.input<I>; received: z.output<I> };

/** What a signature has besides: nothing, `tracked`, or a progress, which is always tracked. */
type TrackingOf<P extends z.$ZodType | undefined, Tracked extends boolean | undefined> = P extends z.$ZodType
  ? { progress: z.output<P>; reported: z.input<P>; tracked: true }
  : Tracked extends true
    ? { tracked: true }
    : unknown;

declare const signature: unique symbol;
declare const accepts: unique symbol;

/**
 * A declared actor: its schemas and options, not yet its name. `actor()` makes it, the generator reads it. `Accepted` is
 * what it can be sent; a contract of which less is known accepts less.
 */
export interface Contract<S extends Signature = Signature, Accepted = never> {
  readonly [contractMark]: true;
  readonly options: ActorOptions;
  /** Carries the types only; there is no such property at run time. */
  readonly [signature]?: S | undefined;
  /** The same of what can be sent, so that a contract can be refused for what it does not accept. */
  readonly [accepts]?: ((input: Accepted) => void) | undefined;
}

/** A contract that accepts the exhausted messages of such an input. Of an input of which nothing is known, any may. */
export type ExhaustedTarget<Input> = unknown extends Input ? Contract : Contract<Signature, ExhaustedMessage<Input>>;

const contractMark: unique symbol = Symbol.for("callboard.contract") as never;

/**
 * Declares an actor. Export what it returns from a file of the contracts folder and run `callboard gen`.
 *
 * It checks nothing yet: `callboard gen` reports every option and schema that is wrong, with its place.
 */
export function actor<
  I extends z.$ZodType,
  O extends z.$ZodType | undefined = undefined,
  P extends z.$ZodType | undefined = undefined,
  Tracked extends boolean | undefined = undefined,
>(options: ActorOptions<I, O, P, Tracked>): Contract<SignatureOf<I, O> & TrackingOf<P, Tracked>, z.input<I>> {
  return Object.freeze({ [contractMark]: true as const, options: Object.freeze({ ...options }) });
}

/** Whether a value was made by `actor()`, also by another copy of this package. */
export function isContract(value: unknown): value is Contract {
  return typeof value === "object" && value !== null && contractMark in value;
}
