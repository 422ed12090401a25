/** Message ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by the time they were made. */
import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(8 * 512);
let offset = pool.length;
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
  if (offset === pool.length) {
    randomFillSync(pool);
    offset = 0;
  }
  // Variant bits 10, then 62 random bits.
  const tail = pool.toString("hex", offset, offset + 8);
  const variant = "89ab"[pool.readUInt8(offset) >> 6] ?? "8";
  offset += 8;
  return `${prefix}7${counter.toString(16).padStart(3, "0")}-${variant}${tail.slice(1, 4)}-${tail.slice(4)}`;
}

function startMillisecond(millisecond: number): void {
  lastMillisecond = millisecond;
  counter = 0;
  const time = millisecond.toString(16).padStart(12, "0");
  prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
}
