/** Log lines as a person reads them on a terminal. */
import { stripVTControlCharacters } from "node:util";
import { pino } from "pino";
import { expect, test } from "vitest";
import { BrokerUnavailableError, toRemoteError } from "../../runtime/vocabulary/errors.js";
import { createReadable } from "../../runtime/worker/log-lines.js";
import { serializers } from "../../runtime/worker/logger.js";

/** What is written to a terminal for a line that is logged. */
function written(fields: object, message: string): string {
  let text = "";
  const readable = createReadable();
  const write = (line: string) => void (text += readable(line));
  pino({ name: "callboard" }, { write }).warn(fields, message);
  return text;
}

/** What a person sees of it; the time is left out. */
function shown(fields: object, message: string): string {
  return stripVTControlCharacters(written(fields, message)).replace(/^\[[^\]]*\] /, "");
}

/** An error whose stack has so many frames. */
function failure(message: string, frames: number, cause?: Error): Error {
  const error = new RangeError(message, { cause });
  const places = Array.from({ length: frames }, (_, i) => `    at step (handlers/a.ts:${i + 1}:1)`);
  error.stack = [`RangeError: ${message}`, ...places].join("\n");
  return error;
}

/** An error as a worker logs it. */
function logged(error: Error): object {
  const { name, message, stack } = toRemoteError(error, { stack: true });
  return { error: `${name}: ${message}`, stack };
}

test("the fields are on one line, the stack is below them, indented, and no error is told twice", () => {
  expect(shown({ id: "m1", ...logged(failure("too much", 2)), retryIn: 15 }, "attempt failed")).toBe(
    [
      'WARN (callboard): attempt failed {"id":"m1","retryIn":15}',
      "    RangeError: too much",
      "        at step (handlers/a.ts:1:1)",
      "        at step (handlers/a.ts:2:1)",
      "",
    ].join("\n"),
  );
  expect(shown({ error: "Error: busy" }, "attempt failed")).toBe("WARN (callboard): attempt failed\n    Error: busy\n");
  expect(shown({ id: "m1" }, "plain")).toBe('WARN (callboard): plain {"id":"m1"}\n');
});

test("of a long stack the first frames of each error are shown, and of a long text its beginning", () => {
  const error = failure("outer", 20, failure("inner", 9));
  const text = shown(logged(error), "attempt failed");
  expect(text.match(/^ {8}at step/gm)).toHaveLength(12);
  expect(text).toMatch(
    /a\.ts:6:1\)\n {8}… and 14 more\n {4}Caused by: RangeError: inner\n(.*\n){6} {8}… and 3 more\n$/,
  );
  const long = shown({ error: `Error: ${"x".repeat(4000)}\n${"line\n".repeat(1000)}` }, "attempt failed");
  expect(Math.max(...long.split("\n").map(({ length }) => length))).toBeLessThan(520);
  expect(long.split("\n").length).toBeLessThan(50);
});

test("of a stack, where it was thrown and a user's own frames are shown, not those of packages and of Node", () => {
  const error = new Error("busy");
  error.stack = [
    "Error: busy",
    "    at connect (/app/node_modules/driver/index.js:1:1)",
    "    at Socket.emit (node:events:518:28)",
    "    at charge (/app/handlers/payments.ts:7:30)",
    "    at work (/app/node_modules/callboard/runtime/worker/dispatch.ts:175:26)",
    "    at main (/app/worker.ts:3:1)",
  ].join("\n");
  expect(shown(logged(error), "attempt failed").split("\n").slice(1)).toEqual([
    "    Error: busy",
    "        at connect (/app/node_modules/driver/index.js:1:1)",
    "        at charge (/app/handlers/payments.ts:7:30)",
    "        at main (/app/worker.ts:3:1)",
    "        … and 2 more",
    "",
  ]);
});

test("what a user logs as `err` is shown alike, with what else the error says", () => {
  const text = shown({ err: Object.assign(failure("refused", 1), { code: "E7" }), film: "x" }, "not shipped");
  expect(text).toBe(
    [
      'WARN (callboard): not shipped {"film":"x","err":{"code":"E7"}}',
      "    RangeError: refused",
      "        at step (handlers/a.ts:1:1)",
      "",
    ].join("\n"),
  );
  expect(shown({ err: "only words" }, "not shipped")).toBe('WARN (callboard): not shipped {"err":"only words"}\n');
});

test("nothing that a message carries reaches the terminal as a command", () => {
  const text = written(logged(failure("\u001B[2Jbusy\u0008\r", 1)), "a \u001B[2J\u0007message");
  expect(text).toMatch(/\ba message\b/);
  expect(text).toMatch(/: busy\n/);
  for (const command of ["\u001B[2J", "\u0007", "\u0008", "\r"]) expect(text).not.toContain(command);
});

test("a line that is no JSON stays as it is", () => {
  const readable = createReadable();
  expect(readable("plain words\n")).toBe("plain words\n");
  expect(readable("{broken\n")).toBe("{broken\n");
});

test("an error that names its cause is logged with its own message, and with the stacks of both", () => {
  let line = "";
  const log = pino({ serializers }, { write: (text: string) => void (line = text) });
  const cause = new Error("connect ECONNREFUSED");
  const err = new BrokerUnavailableError("redis cannot be reached: connect ECONNREFUSED", { cause });
  log.warn({ err }, "trying again");
  const logged: unknown = JSON.parse(line);
  expect(logged).toMatchObject({ err: { type: "BrokerUnavailableError", code: "BROKER_UNAVAILABLE" } });
  expect(logged).toHaveProperty("err.message", "redis cannot be reached: connect ECONNREFUSED");
  expect(logged).toHaveProperty("err.stack", expect.stringContaining("caused by: Error: connect ECONNREFUSED"));
  log.warn({ err: "a text" }, "as it is");
  expect(JSON.parse(line)).toMatchObject({ err: "a text" });
});
