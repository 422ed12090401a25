/** Actors for tests, made as generated code makes them. */
import { actor, type ActorOptions } from "callboard";
import { defineActor, type Actor } from "callboard/client";
import type { Signature } from "../../runtime/vocabulary/contract.js";
import type { Logger } from "../../runtime/worker/logger.js";

/** An actor of the group `test`. Backoffs are short unless a test says otherwise. */
export function testActor<S extends Signature>(
  name: string,
  options: ActorOptions,
  fingerprint = "00000000",
): Actor<S> {
  return defineActor<S>(actor({ minBackoff: 20, maxBackoff: 50, ...options }), { name: `test.${name}`, fingerprint });
}

/** A logger that keeps what it is told. */
export class TestLogger implements Logger {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  debug(fields: object, message: string): void {
    this.lines.push({ level: "debug", message, fields });
  }
  info(fields: object, message: string): void {
    this.lines.push({ level: "info", message, fields });
  }
  warn(fields: object, message: string): void {
    this.lines.push({ level: "warn", message, fields });
  }
  error(fields: object, message: string): void {
    this.lines.push({ level: "error", message, fields });
  }
  messages(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}
