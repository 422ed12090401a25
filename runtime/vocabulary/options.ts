/** Reads an actor's options: completes them with the defaults, and says what is wrong with them. */
import { isContract, type ActorOptions, type Priority } from "./contract.js";
import { defaults } from "./defaults.js";
import { parseDuration } from "./duration.js";
import { InvalidOptionError } from "./errors.js";
import { concurrencyFault, rateFault } from "./limit-options.js";
import { nearest } from "./nearest.js";
import { MOST_PARTITIONS } from "./partitions.js";
import { scheduleFault } from "./schedule-options.js";
import { uniqueFault } from "./unique.js";

/** An actor's options with nothing left open. Durations are in milliseconds. */
export interface ResolvedOptions {
  readonly queue: string;
  /** 1 for a queue that is not partitioned. */
  readonly partitions: number;
  readonly priority: Priority;
  readonly maxRetries: number;
  readonly minBackoff: number;
  readonly maxBackoff: number;
  readonly jitter: boolean;
  /** `undefined` for a message that may wait for ever. */
  readonly maxAge: number | undefined;
  readonly timeLimit: number;
  readonly isolate: boolean;
  readonly notifyShutdown: boolean;
  readonly resultTtl: number;
}

/** One thing that is wrong with an actor's options. */
export interface OptionIssue {
  /** The option's name, as it was written. */
  readonly option: string;
  /** `unknown`: no such option; `invalid`: of the wrong type or out of range; `conflict`: at odds with another option. */
  readonly kind: "unknown" | "invalid" | "conflict";
  readonly message: string;
}

/** What may stand in a queue's name: it becomes part of Redis keys and of AMQP queue names. */
const QUEUE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const ACTOR_NAME = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/;

const isPriority = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 9;
const isDuration = (value: unknown) => parseDuration(value) !== undefined;
const isPositiveDuration = (value: unknown) => (parseDuration(value) ?? 0) > 0;
const isBoolean = (value: unknown) => typeof value === "boolean";
const isErrorClass = (value: unknown) =>
  typeof value === "function" && (value === Error || value.prototype instanceof Error);
const isRecord = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
const isSchema = (value: unknown) => typeof value === "object" && value !== null && "_zod" in value;

interface Rule {
  readonly check: (value: unknown) => boolean;
  readonly expected: string;
  /** What is wrong inside of a value that has options of its own. */
  readonly fault?: (value: unknown) => string | undefined;
}

const DURATION = 'a duration of at most ten years: milliseconds, or a text such as "15s"';

/** Each option once: what it may be, and how that is said. */
const rules: Readonly<Record<keyof ActorOptions, Rule>> = {
  input: { check: isSchema, expected: "a zod 4 schema" },
  output: { check: isSchema, expected: "a zod 4 schema; leave it out for fire and forget" },
  name: {
    check: (value) => typeof value === "string" && ACTOR_NAME.test(value),
    expected: 'identifiers with dots between them, such as "payments.charge"',
  },
  queue: {
    check: (value) => typeof value === "string" && QUEUE_NAME.test(value),
    expected: "1 to 100 letters, digits, dots, dashes or underscores, the first a letter or digit",
  },
  partitions: {
    check: (value) => Number.isInteger(value) && (value as number) >= 2 && (value as number) <= MOST_PARTITIONS,
    expected: `a whole number from 2 to ${MOST_PARTITIONS}; leave it out for a queue in one piece`,
  },
  partitionKey: { check: (value) => typeof value === "function", expected: "a function of the input" },
  priority: { check: isPriority, expected: "a whole number from 0 to 9" },
  maxRetries: {
    check: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
    expected: "a whole number, 0 or more",
  },
  minBackoff: { check: isDuration, expected: DURATION },
  maxBackoff: { check: isDuration, expected: DURATION },
  jitter: { check: isBoolean, expected: "true or false" },
  retryWhen: { check: (value) => typeof value === "function", expected: "a function of the error and the attempt" },
  throws: {
    check: (value) => Array.isArray(value) && value.every(isErrorClass),
    expected: "a list of error classes",
  },
  onRetryExhausted: { check: isContract, expected: "a contract: what actor() returned for another export" },
  maxAge: { check: isPositiveDuration, expected: `${DURATION}, more than 0` },
  timeLimit: { check: isPositiveDuration, expected: `${DURATION}, more than 0` },
  isolate: { check: isBoolean, expected: "true or false" },
  notifyShutdown: { check: isBoolean, expected: "true or false" },
  resultTtl: { check: isPositiveDuration, expected: `${DURATION}, more than 0` },
  concurrencyLimit: {
    check: (value) => typeof value === "number" || isRecord(value),
    expected: "a whole number, 1 or more, or { limit, key, lease }",
    fault: concurrencyFault,
  },
  rateLimit: {
    check: isRecord,
    expected: '{ limit, per, kind, key }, such as { limit: 100, per: "1m" }',
    fault: rateFault,
  },
  track: { check: (value) => typeof value === "boolean", expected: "true or false" },
  progress: { check: isSchema, expected: "a zod 4 schema; leave it out where there is no progress" },
  schedule: {
    check: (value) => (typeof value === "string" && value !== "") || (typeof value === "object" && value !== null),
    expected: "a cron expression, { cron, timeZone, input, catchUp, overlap, name }, or a list of such",
    fault: scheduleFault,
  },
  unique: {
    check: isRecord,
    expected: '{ key, for, mode, freeAtEnd }, such as { key: (input) => input.user, for: "10m" }',
    fault: uniqueFault,
  },
};

/** The options that a message can say otherwise than its contract. Durations may be given as such. */
const overridable = [
  "maxRetries",
  "minBackoff",
  "maxBackoff",
  "maxAge",
  "timeLimit",
  "resultTtl",
] as const satisfies readonly (keyof ActorOptions)[];

/** What a message may say otherwise than its contract. */
export type MessageOptions = Pick<ActorOptions, (typeof overridable)[number]>;

/** The names of all options that a message can say otherwise. */
export const messageOptionNames: readonly (keyof MessageOptions)[] = overridable;

/** What a message says otherwise, in milliseconds; `undefined` where it says nothing. */
export function readMessageOptions(
  owner: string,
  given: MessageOptions,
  actor: ResolvedOptions,
): Readonly<Partial<Record<keyof MessageOptions, number>>> | undefined {
  const names = overridable.filter((name) => given[name] !== undefined);
  if (names.length === 0) return undefined;
  for (const name of names) {
    if (rules[name].check(given[name])) continue;
    throw new InvalidOptionError(`${owner}: "${name}" must be ${rules[name].expected}; it is ${show(given[name])}.`);
  }
  const read = Object.fromEntries(
    names.map((name) => [name, name === "maxRetries" ? given.maxRetries : parseDuration(given[name])]),
  );
  const { minBackoff, maxBackoff } = { ...actor, ...read };
  if (minBackoff <= maxBackoff) return read;
  throw new InvalidOptionError(
    `${owner}: "minBackoff" (${minBackoff} ms) is longer than "maxBackoff" (${maxBackoff} ms).`,
  );
}

/** The names of all options of `actor()`. */
export const optionNames = Object.keys(rules) as readonly (keyof ActorOptions)[];

/** All that is wrong with these options; empty when nothing is. */
export function checkOptions(options: ActorOptions): readonly OptionIssue[] {
  const issues: OptionIssue[] = [];
  for (const [option, value] of Object.entries(options)) {
    const rule: Rule | undefined = Object.hasOwn(rules, option) ? rules[option as keyof ActorOptions] : undefined;
    if (rule === undefined) {
      const near = nearest(option, optionNames);
      const help = near === undefined ? `Known options: ${optionNames.join(", ")}.` : `Did you mean "${near}"?`;
      issues.push({ option, kind: "unknown", message: `There is no option "${option}". ${help}` });
    } else if (value !== undefined && !rule.check(value)) {
      issues.push({ option, kind: "invalid", message: `"${option}" must be ${rule.expected}; it is ${show(value)}.` });
    } else {
      const fault = value === undefined ? undefined : rule.fault?.(value);
      if (fault !== undefined) issues.push({ option, kind: "invalid", message: `"${option}": ${fault}` });
    }
  }
  if (options.input === undefined) {
    issues.push({ option: "input", kind: "invalid", message: `"input" is missing: ${rules.input.expected}.` });
  }
  if (issues.length > 0) return issues;

  const { minBackoff, maxBackoff } = resolveOptions(options);
  if (minBackoff > maxBackoff) {
    const message = `"minBackoff" (${minBackoff} ms) is longer than "maxBackoff" (${maxBackoff} ms).`;
    issues.push({ option: options.minBackoff === undefined ? "maxBackoff" : "minBackoff", kind: "conflict", message });
  }
  const kept = [options.output, options.progress, options.track === true || undefined];
  if (options.resultTtl !== undefined && kept.every((each) => each === undefined)) {
    issues.push({
      option: "resultTtl",
      kind: "conflict",
      message: '"resultTtl" has no meaning without an "output" or "track".',
    });
  }
  if (options.progress !== undefined && options.track === false) {
    const message = '"track" cannot be false where there is a "progress".';
    issues.push({ option: "track", kind: "conflict", message });
  }
  if (options.partitionKey !== undefined && options.partitions === undefined) {
    const message = '"partitionKey" has no meaning without "partitions".';
    issues.push({ option: "partitionKey", kind: "conflict", message });
  }
  return issues;
}

/** The options with every default filled in. They must have passed `checkOptions`. */
export function resolveOptions(options: ActorOptions): ResolvedOptions {
  const preset = defaults.actor;
  return {
    queue: options.queue ?? preset.queue,
    partitions: options.partitions ?? preset.partitions,
    priority: options.priority ?? preset.priority,
    // Who is asked after each attempt needs no other end.
    maxRetries: options.maxRetries ?? (options.retryWhen === undefined ? preset.maxRetries : Infinity),
    minBackoff: parseDuration(options.minBackoff) ?? preset.minBackoff,
    maxBackoff: parseDuration(options.maxBackoff) ?? preset.maxBackoff,
    jitter: options.jitter ?? preset.jitter,
    maxAge: parseDuration(options.maxAge),
    timeLimit: parseDuration(options.timeLimit) ?? preset.timeLimit,
    isolate: options.isolate ?? preset.isolate,
    notifyShutdown: options.notifyShutdown ?? preset.notifyShutdown,
    resultTtl: parseDuration(options.resultTtl) ?? preset.resultTtl,
  };
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}
