/** Tells what happens to messages while it happens: as lines for people, or as JSON lines for programs. */
import pc from "picocolors";

/** A message, as a report names it. */
interface Named {
  readonly actor: string;
  readonly id: string;
}

/** Everything that can happen, and what is told of it. */
export interface Events {
  /** A worker began to take messages. */
  readonly started: { readonly broker: string; readonly queues: readonly string[]; readonly concurrency: number };
  /** The broker has a message. */
  readonly sent: Named & { readonly input: unknown; readonly delay?: string };
  /** An input did not fit its contract, and nothing was sent. */
  readonly refused: { readonly actor: string; readonly error: string };
  /** A caller has its answer. */
  readonly answered: Named & { readonly output: unknown };
  /** A message that nobody waits for had its effect. */
  readonly done: Named & { readonly effect: string };
  /** An attempt failed, and another follows. */
  readonly retried: Named & { readonly attempt: number; readonly retryIn: number; readonly error: string };
  /** A message is in the dead letters. */
  readonly dead: Named & { readonly reason: string; readonly attempts: number; readonly error: string };
  /** The worker has trouble with the broker, and deals with it. */
  readonly trouble: { readonly error: string };
}

/** How often something happened. */
type Counts = Readonly<Record<Exclude<keyof Events, "started" | "trouble">, number>>;

/** Tells what happens. */
export interface Report {
  tell<Kind extends keyof Events>(kind: Kind, event: Events[Kind]): void;
  /** Tells how often each thing happened, and ends the report. */
  sum(): void;
}

/** A report on standard output. */
export function createReport({ json }: { readonly json: boolean }): Report {
  const began = performance.now();
  const counts = { sent: 0, refused: 0, answered: 0, done: 0, retried: 0, dead: 0 };
  const milliseconds = () => Math.round(performance.now() - began);
  return {
    tell(kind, event) {
      if (kind in counts) counts[kind as keyof Counts]++;
      console.log(json ? toJson({ event: kind, milliseconds: milliseconds(), ...event }) : line(kind, event));
    },
    sum() {
      const total = { milliseconds: milliseconds(), ...counts };
      console.log(json ? toJson({ event: "summary", ...total }) : `\n${summary(total)}`);
    },
  };

  function line<Kind extends keyof Events>(kind: Kind, event: Events[Kind]): string {
    const time = `${(milliseconds() / 1000).toFixed(2)}s`.padStart(6);
    const actor = "actor" in event ? event.actor : "worker";
    return `${colors.dim(time)}  ${paint[kind](kind.padEnd(8))}  ${actor.padEnd(23)}  ${tales[kind](event)}`;
  }
}

const colors = pc.createColors(pc.isColorSupported && process.stdout.isTTY);

const paint: Readonly<Record<keyof Events, (text: string) => string>> = {
  started: colors.bold,
  sent: colors.blue,
  refused: colors.magenta,
  answered: colors.green,
  done: colors.green,
  retried: colors.yellow,
  dead: colors.red,
  trouble: colors.red,
};

/** What a line says of each event. */
const tales: { readonly [Kind in keyof Events]: (event: Events[Kind]) => string } = {
  started: ({ broker, queues, concurrency }) => `on ${broker}, queues ${queues.join(", ")}, concurrency ${concurrency}`,
  sent: ({ input, delay }) => `${show(input)}${delay === undefined ? "" : `, held back for ${delay}`}`,
  refused: ({ error }) => error,
  answered: ({ output }) => show(output),
  done: ({ effect }) => effect,
  retried: ({ attempt, retryIn, error }) => `attempt ${attempt} failed: ${error}; again in ${retryIn} ms`,
  dead: ({ reason, attempts, error }) => `${reason}, ${count(attempts, "attempt")}: ${error}`,
  trouble: ({ error }) => error,
};

function summary({ milliseconds, sent, refused, answered, done, retried, dead }: Counts & { milliseconds: number }) {
  const seconds = (milliseconds / 1000).toFixed(1);
  return [
    `${count(sent, "message")} sent in ${seconds} s: ${answered} answered, ${done} done, ${dead} dead.`,
    `${count(retried, "attempt")} failed and came again. ${count(refused, "input")} refused before sending.`,
  ].join("\n");
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function show(value: unknown): string {
  return typeof value === "bigint" ? `${value}n` : toJson(value);
}

/** JSON has no bigint: its digits are written as a text. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? each.toString() : each));
}
