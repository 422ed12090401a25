/** Message ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by the time they were made. */
import { randomBytes } from "node:crypto";

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
