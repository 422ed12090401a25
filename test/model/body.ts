/** The bodies of the messages in a model's runs. Each is recognised by the name in it, whatever happens to it. */
import { encodeEnvelope, reissue } from "../../runtime/wire/envelope.js";

const NAME = /m\d{4}/;

/** What a body may be: an envelope, one that has seen a crash already, or what another program might have sent. */
export type BodyKind = "envelope" | "crashed" | "foreign";

/** The n-th message's body. Names sort as numbers do. */
export function bodyOf(n: number, kind: BodyKind): string {
  const id = `m${String(n).padStart(4, "0")}`;
  if (kind === "foreign") return `${id} said:\n"no"`;
  const body = encodeEnvelope({ id, actor: "a", v: "0", at: n, inputJson: '{"none":[]}' });
  return kind === "crashed" ? withCrash(body) : body;
}

/** Whose body it is. */
export function nameOf(body: string): string {
  const name = NAME.exec(body)?.[0];
  if (name === undefined) throw new Error(`a body of no message: ${body}`);
  return name;
}

/** The body of the next attempt, as a worker makes it: crashes in a row are over. */
export function nextAttempt(body: string): string {
  const fields = fieldsOf(body);
  if (fields === undefined) return `${body}, again`;
  return reissue(body, { attempt: Number(fields["attempt"] ?? 1) + 1, crashes: undefined });
}

/** A body on which one more crash is counted, in its first field; what is no envelope stays as it is. */
export function withCrash(body: string): string {
  const fields = fieldsOf(body);
  if (fields === undefined) return body;
  const { crashes, ...others } = fields;
  return JSON.stringify({ crashes: Number(crashes ?? 0) + 1, ...others });
}

/** How many crashes a message has seen. */
export function crashesOf(body: string): number {
  return Number(fieldsOf(body)?.["crashes"] ?? 0);
}

/** The id that it says; a foreign one says none. */
export function idOf(body: string): unknown {
  return fieldsOf(body)?.["id"];
}

function fieldsOf(body: string): Readonly<Record<string, unknown>> | undefined {
  return body.startsWith("{") ? (JSON.parse(body) as Readonly<Record<string, unknown>>) : undefined;
}
