/** The encoding `tagged`: what goes in comes out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UndecodableError } from "../../runtime/vocabulary/errors.js";
import { fromTagged, toTagged } from "../../runtime/vocabulary/tagged.js";

const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.array(tie("value")),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("$date", "$$date", "$")).filter((key) => key !== "__proto__"),
      tie("value"),
      {
        noNullPrototype: true,
      },
    ),
    fc.array(fc.tuple(fc.string(), tie("value"))).map((entries) => new Map(entries)),
    fc.array(fc.oneof(fc.string(), fc.bigInt())).map((items) => new Set(items)),
  ),
})).value;

describe("the tagged encoding", () => {
  it("carries every value that it is for", () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(fromTagged(JSON.parse(JSON.stringify(toTagged(original))))).toEqual(original);
      }),
    );
  });

  it("is readable", () => {
    expect(toTagged({ at: new Date(0), n: 5n, $own: 1 })).toEqual({
      at: { $date: "1970-01-01T00:00:00.000Z" },
      n: { $bigint: "5" },
      $$own: 1,
    });
  });

  it("refuses tags that it does not know, and malformed ones", () => {
    const malformed = [
      { $future: 1 },
      { $date: "never" },
      { $bigint: "1e5" },
      { $bigint: "9".repeat(5000) },
      { $map: [[1]] },
      { $set: {} },
      { $bytes: 5 },
      { $date: "2026-01-01", more: 1 },
    ];
    for (const each of malformed) expect(() => fromTagged([each]), JSON.stringify(each)).toThrow(UndecodableError);
  });
});
