/** What amqplib and the server say, as errors of our own that name the place and the remedy, and never a password. */
import { bareCause, BrokerClosedError, BrokerRefusedError, BrokerUnavailableError } from "../../vocabulary/errors.js";
import { suspicion, tlsTrouble, type Schemes } from "../../support/tls.js";

/** What an error's text needs to know of the connection. */
export interface Place {
  /** For people: never a password. */
  readonly name: string;
  readonly user: string;
  readonly vhost: string;
  readonly tls: boolean;
}

/** The server's reply codes that mean "no" and not "not now" (AMQP 0-9-1, section 1.8). */
const REFUSALS: ReadonlySet<unknown> = new Set([311, 312, 313, 402, 403, 404, 405, 406, 502, 503, 530]);

const SCHEMES: Schemes = { plain: "amqp://", secure: "amqps://" };

/** Turns what was thrown into one of our errors, once. `opening`: while the connection was made. */
export function translate(thrown: unknown, place: Place, opening = false): Error {
  if (
    thrown instanceof BrokerClosedError ||
    thrown instanceof BrokerRefusedError ||
    thrown instanceof BrokerUnavailableError
  ) {
    return thrown;
  }
  const text = textOf(thrown);
  const code = typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
  const refusal = refusalText(text, place) ?? (REFUSALS.has(code) ? `refused: ${serverText(text)}` : undefined);
  const cause = bareCause(thrown);
  if (refusal !== undefined) {
    return new BrokerRefusedError(`${place.name} ${refusal}`, { cause, passing: isNack(thrown) });
  }
  const detail = networkText(thrown, place, opening) ?? `cannot be reached: ${serverText(text)}`;
  return new BrokerUnavailableError(`${place.name} ${detail}`, { cause });
}

/** What is said where the server ended a connection while it was made. */
const HANG_UP = /during opening handshake|ECONNRESET|EPIPE/;

/** What amqplib says where the server said nothing while a connection was made. */
const NO_ANSWER = "connect ETIMEDOUT";

/** What amqplib says where the server did not take a message. */
const NACKED = "message nacked";

/** Whether the server said that it did not take a message. */
export function isNack(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.message === NACKED;
}

function refusalText(text: string, { user, vhost }: Place): string | undefined {
  if (text.includes("Login was refused") || text.includes("can only connect via localhost")) {
    const guest = user === "guest" ? ' The user "guest" may log in only on the server\'s own machine.' : "";
    return `refused the login of user "${user}": check the user name and the password.${guest}`;
  }
  // The server closes the connection instead of opening the virtual host, and amqplib does not tell its reason.
  if (text.includes("Expected ConnectionOpenOk")) {
    return `refused the virtual host "${vhost}": it does not exist, or user "${user}" may not use it. It is the URL's path.`;
  }
  if (text === NACKED) return "did not take the message: its queue is full, or no majority of it is running";
  const inequivalent = /inequivalent arg '([^']+)' for (queue|exchange) '([^']+)' in vhost '[^']*': (.*?)"?$/s.exec(
    text,
  );
  if (inequivalent === null) return undefined;
  const [, argument, kind, name, difference] = inequivalent;
  return (
    `has the ${kind} "${name}" with another "${argument}": ${difference}. ` +
    `Delete the ${kind} once it is empty, or use another "prefix"${argument === "x-queue-type" ? ', or set "queueType" to what it is' : ""}.`
  );
}

function networkText(thrown: unknown, { tls }: Place, opening: boolean): string | undefined {
  const text = textOf(thrown);
  if (text === "channel closed") return "was lost before it confirmed the message";
  const trouble = tls ? tlsTrouble(thrown, SCHEMES) : undefined;
  if (trouble !== undefined || !opening) return trouble;
  if (HANG_UP.test(text)) {
    return `closed the connection before a word was said: ${suspicion("hang-up", tls, SCHEMES)}`;
  }
  return text === NO_ANSWER && tls ? `did not answer: ${suspicion("silence", tls, SCHEMES)}` : undefined;
}

/** The server's words without amqplib's around them. */
function serverText(text: string): string {
  return /with message "(.*)"$/s.exec(text)?.[1] ?? text;
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // A host with several addresses fails once for each, and the whole has no text of its own.
  if (thrown.message === "" && thrown instanceof AggregateError) return thrown.errors.map(textOf).join("; ");
  return thrown.message;
}
