/**
 * The encoding `tagged`: JSON in which the types that JSON lacks are written as an object with one key that starts
 * with `$`, so that Date, bigint, Map, Set and Uint8Array arrive as what they were. It is used only where a contract
 * holds such a type; the envelope names it in `encoding`. Keys of a user's own that start with `$` get a second one.
 *
 * | type | written as |
 * |---|---|
 * | Date | `{"$date":"2026-01-02T03:04:05.678Z"}` |
 * | bigint | `{"$bigint":"12345678901234567890"}` |
 * | Map | `{"$map":[[key,value],…]}` |
 * | Set | `{"$set":[value,…]}` |
 * | Uint8Array | `{"$bytes":"base64"}` |
 */
import { UndecodableError } from "./errors.js";

/** The name of this encoding in an envelope. */
export const TAGGED = "tagged";

/** A value with every type that JSON lacks replaced by its tag. */
export function toTagged(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: value.toString() };
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toTagged);
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Map) return { $map: Array.from(value, ([key, item]) => [toTagged(key), toTagged(item)]) };
  if (value instanceof Set) return { $set: Array.from(value, toTagged) };
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.startsWith("$") ? `$${key}` : key, toTagged(item)]),
  );
}

/** The value that `toTagged` made this of. Throws `UndecodableError` at a tag that it does not know. */
export function fromTagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromTagged);
  const entries = Object.entries(value);
  const [first] = entries;
  if (first !== undefined && first[0].startsWith("$") && !first[0].startsWith("$$")) {
    if (entries.length !== 1) throw new UndecodableError(`the tag "${first[0]}" must stand alone in its object`);
    return revive(first[0], first[1]);
  }
  return Object.fromEntries(
    entries.map(([key, item]) => [key.startsWith("$$") ? key.slice(1) : key, fromTagged(item)]),
  );
}

function revive(tag: string, content: unknown): unknown {
  switch (tag) {
    case "$date": {
      const date = new Date(String(content));
      if (!Number.isNaN(date.getTime())) return date;
      break;
    }
    case "$bigint":
      if (typeof content === "string" && /^-?\d{1,4096}$/.test(content)) return BigInt(content);
      break;
    case "$map":
      if (Array.isArray(content) && content.every((pair) => Array.isArray(pair) && pair.length === 2)) {
        return new Map((content as [unknown, unknown][]).map(([key, item]) => [fromTagged(key), fromTagged(item)]));
      }
      break;
    case "$set":
      if (Array.isArray(content)) return new Set(content.map(fromTagged));
      break;
    case "$bytes":
      if (typeof content === "string") return new Uint8Array(Buffer.from(content, "base64"));
      break;
    default:
      throw new UndecodableError(`unknown tag "${tag}": was it written by a newer version?`);
  }
  throw new UndecodableError(`the content of the tag "${tag}" is malformed`);
}
