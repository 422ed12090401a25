/** Message ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by the time they were made. */
import { createHash, randomBytes } from "node:crypto";

/** How many bytes of an id are random, and for how many ids they are drawn at once: singly, that is most of the cost. */
const RANDOM_BYTES = 8;
const DRAWN = 512;

/** The tails of the next ids, two hexadecimal digits a byte. */
let tails = "";
let offset = 0;
let lastMillisecond = 0;
let counter = 0;
let prefix = "";

/**
 * A new id. Within one process they are strictly ascending: the 12 bits after the time are a counter
 * (RFC 9562, section 6.2, method 1) that borrows from the next millisecond when it is full.
 */
export function createId(): string {
  const now = Date.now();
  if (now > lastMillisecond) {
    startMillisecond(now);
  } else if (++counter > 0xfff) {
    startMillisecond(lastMillisecond + 1);
  }
  if (offset === tails.length) {
    tails = drawTails();
    offset = 0;
  }
  const start = offset;
  offset += RANDOM_BYTES * 2;
  return `${prefix}${(0x7000 + counter).toString(16)}-${tails.slice(start, start + 4)}-${tails.slice(start + 4, offset)}`;
}

/** An id that follows from another one and a purpose: the same each time, and sorted by the same moment. */
export function derivedId(id: string, purpose: string): string {
  const hash = createHash("sha256").update(`${purpose} ${id}`).digest("hex");
  const moment = /^[\da-f]{8}-[\da-f]{4}(?=-)/.exec(id)?.[0] ?? `${hash.slice(20, 28)}-${hash.slice(28, 32)}`;
  // A UUIDv8 (RFC 9562, section 5.8): the layout beside version and variant is our own.
  return `${moment}-8${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`;
}

/** Variant bits 10, then 62 random bits; for many ids. */
function drawTails(): string {
  const bytes = randomBytes(RANDOM_BYTES * DRAWN);
  for (let i = 0; i < bytes.length; i += RANDOM_BYTES) bytes.writeUInt8(0x80 | (bytes.readUInt8(i) & 0x3f), i);
  return bytes.toString("hex");
}

function startMillisecond(millisecond: number): void {
  lastMillisecond = millisecond;
  counter = 0;
  const time = millisecond.toString(16).padStart(12, "0");
  prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
}
