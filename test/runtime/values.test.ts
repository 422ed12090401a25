/** The small values that everything is made of: ids, durations, names, options, backoff. */
import { actor, InvalidOptionError, type ActorOptions } from "callboard";
import { defineActor } from "callboard/client";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { parseDuration } from "../../runtime/vocabulary/duration.js";
import { createId } from "../../runtime/wire/id.js";
import { nearest } from "../../runtime/vocabulary/nearest.js";
import { checkOptions, resolveOptions } from "../../runtime/vocabulary/options.js";
import { backoff } from "../../runtime/worker/middleware/retries.js";

describe("an id", () => {
  afterEach(() => vi.useRealTimers());

  it("is a UUIDv7, and sorts by the time it was made, also within a millisecond", () => {
    const ids = Array.from({ length: 20_000 }, () => createId());
    for (const id of ids.slice(0, 100))
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.abs(parseInt(ids[0]?.replace("-", "").slice(0, 12) ?? "", 16) - Date.now())).toBeLessThan(10_000);
  });

  it("stays in order when the clock is set back", () => {
    const before = createId();
    vi.useFakeTimers({ now: Date.now() - 3_600_000 });
    expect(createId() > before).toBe(true);
  });
});

describe("a duration", () => {
  it("is milliseconds or a text", () => {
    const read = { 5: 5, "1s": 1000, "1.5 seconds": 1500, "10m": 600_000, "2 days": 172_800_000, "7d": 604_800_000 };
    for (const [text, milliseconds] of Object.entries(read)) {
      expect(parseDuration(text === "5" ? 5 : text), text).toBe(milliseconds);
    }
  });

  it("is nothing else", () => {
    for (const wrong of [
      "",
      "soon",
      "10 parsecs",
      "-1s",
      -1,
      NaN,
      Infinity,
      Number.MAX_VALUE,
      "11y",
      null,
      undefined,
      {},
      5n,
    ]) {
      expect(parseDuration(wrong), `${typeof wrong}`).toBeUndefined();
    }
  });
});

describe("the nearest name", () => {
  it("is the one that was meant", () => {
    const names = ["maxRetries", "minBackoff", "maxBackoff", "queue"];
    expect(nearest("maxRetires", names)).toBe("maxRetries");
    expect(nearest("maxretries", names)).toBe("maxRetries");
    expect(nearest("que", names)).toBe("queue");
    expect(nearest("banana", names)).toBeUndefined();
  });
});

describe("an actor's options", () => {
  const input = z.string();

  it("are completed with the defaults", () => {
    expect(resolveOptions({ input })).toEqual(defaults.actor);
    const given = {
      input,
      queue: "q",
      priority: 9,
      maxRetries: 0,
      minBackoff: "1s",
      maxBackoff: 2000,
      jitter: false,
    } as const;
    expect(resolveOptions(given)).toMatchObject({
      queue: "q",
      priority: 9,
      maxRetries: 0,
      minBackoff: 1000,
      maxBackoff: 2000,
      jitter: false,
    });
  });

  it("are refused by name, all at once", () => {
    const wrong = {
      input,
      maxRetires: 3,
      priority: 10,
      queue: "a b",
      minBackoff: "soon",
      jitter: 1,
      output: "text",
      name: "no name!",
    };
    const issues = checkOptions(wrong as unknown as ActorOptions);
    expect(issues.map(({ option, kind }) => [option, kind])).toEqual([
      ["maxRetires", "unknown"],
      ["priority", "invalid"],
      ["queue", "invalid"],
      ["minBackoff", "invalid"],
      ["jitter", "invalid"],
      ["output", "invalid"],
      ["name", "invalid"],
    ]);
    expect(issues[0]?.message).toBe('There is no option "maxRetires". Did you mean "maxRetries"?');
    expect(issues[1]?.message).toBe('"priority" must be a whole number from 0 to 9; it is 10.');
    expect(checkOptions({ toString: 1 } as never).map(({ option }) => option)).toEqual(["toString", "input"]);
  });

  it("must agree with each other", () => {
    expect(checkOptions({ input, minBackoff: "2m", maxBackoff: "1m" })[0]?.kind).toBe("conflict");
    expect(checkOptions({ input, maxBackoff: "1s" })[0]?.option).toBe("maxBackoff");
    expect(checkOptions({ input, resultTtl: "1m" })[0]?.option).toBe("resultTtl");
    expect(checkOptions({ input, output: input, resultTtl: "1m" })).toEqual([]);
  });

  it("say what ends a message's retries and its waiting", () => {
    const wrong = {
      throws: [new Error("x")],
      retryWhen: 3,
      onRetryExhausted: "a.b",
      maxAge: 0,
      isolate: 1,
      notifyShutdown: "no",
    };
    const issues = checkOptions({ input, ...wrong } as never);
    expect(issues.map(({ option, kind }) => [option, kind])).toEqual(
      Object.keys(wrong).map((name) => [name, "invalid"]),
    );
    class OwnError extends TypeError {}
    const right = { throws: [OwnError, Error], maxAge: "1h", onRetryExhausted: actor({ input }) } as const;
    expect(checkOptions({ input, ...right })).toEqual([]);
    expect(resolveOptions({ input, ...right })).toMatchObject({ maxAge: 3_600_000, isolate: false });
    expect(resolveOptions({ input, retryWhen: () => true }).maxRetries).toBe(Infinity);
    expect(resolveOptions({ input, retryWhen: () => true, maxRetries: 3 }).maxRetries).toBe(3);
  });

  it("say what is wrong inside of a limit", () => {
    const fault = (options: object) => checkOptions({ input, ...options } as ActorOptions)[0]?.message;
    expect(fault({ concurrencyLimit: 5, rateLimit: { limit: 1, per: "1m" } })).toBeUndefined();
    expect(fault({ concurrencyLimit: { limit: 1, key: String, lease: "1s" } })).toBeUndefined();
    expect(fault({ concurrencyLimit: 0 })).toBe(
      '"concurrencyLimit": its "limit" must be a whole number, 1 or more; it is 0.',
    );
    expect(fault({ concurrencyLimit: "5" })).toMatch(/^"concurrencyLimit" must be a whole number, 1 or more, or \{/);
    expect(fault({ concurrencyLimit: { limit: 1, lease: "1ms" } })).toMatch(
      /its "lease" must be a duration of one second/,
    );
    expect(fault({ concurrencyLimit: { limit: 1, kye: String } })).toMatch(
      /no option "kye" of it\. Did you mean "key"\?/,
    );
    expect(fault({ rateLimit: 5 })).toMatch(/^"rateLimit" must be \{ limit, per, kind, key \}/);
    expect(fault({ rateLimit: { limit: 5 } })).toMatch(/its "per" must be a duration .*; it is undefined/);
    expect(fault({ rateLimit: { limit: 5, per: "1m", kind: "leaky" } })).toMatch(
      /must be "window" or "bucket"; it is "leaky"/,
    );
    expect(fault({ rateLimit: { limit: 5, per: "1m", key: "user" } })).toMatch(
      /must be a function of the validated input/,
    );
  });

  it("are checked again when the actor gets its name", () => {
    const wrong = actor({ input, maxRetries: -1 });
    expect(() => defineActor(wrong, { name: "a.b", fingerprint: "0" })).toThrow(InvalidOptionError);
    expect(() => defineActor({} as never, { name: "a.b", fingerprint: "0" })).toThrow(/Run "callboard gen"/);
  });
});

describe("the backoff", () => {
  const options = { minBackoff: 1000, maxBackoff: 60_000, jitter: true };

  it("doubles from the least to the most", () => {
    const waits = [1, 2, 3, 6, 7, 8, 5000].map((attempt) =>
      backoff({ ...options, jitter: false }, attempt, Math.random),
    );
    expect(waits).toEqual([1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
  });

  it("is shortened by at most a half, at random", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const whole = backoff({ ...options, jitter: false }, attempt, () => 1);
        const wait = backoff(options, attempt, () => random);
        expect(wait).toBeGreaterThanOrEqual(whole / 2);
        expect(wait).toBeLessThanOrEqual(whole);
      }),
    );
  });
});
