/** A seal: what it closes opens with its key and in its place, and nowhere else. */
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { createSeal, InvalidOptionError, UndecodableError, UnsealableError, type SealOptions } from "callboard";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { readValue, sealValue, type ValueOwner } from "../../runtime/wire/wire-value.js";

const key = (byte: number) => Buffer.alloc(32, byte);
const seal = createSeal({ current: "a", keys: { a: key(1) } });
const owner: ValueOwner = { kind: "input", id: "id", actor: "test.actor", v: "00000000" };

describe("a sealed text", () => {
  it("opens to what it was, whatever it is and whatever it belongs to", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.string()), (text, belonging) => {
        expect(seal.open(seal.close(text, belonging), belonging)).toBe(text);
      }),
    );
  });

  it("shows nothing of the text, and never looks the same twice", () => {
    const [one, other] = [seal.close("a secret text", []), seal.close("a secret text", [])];
    expect(one.sealed).not.toBe(other.sealed);
    expect(Buffer.from(one.sealed, "base64").toString("latin1")).not.toContain("secret");
  });

  it("does not open where a single bit of it was altered, or where it was cut", () => {
    const { key: id, sealed } = seal.close("text", ["place"]);
    const bytes = Buffer.from(sealed, "base64");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const open = () => seal.open({ key: id, sealed: altered.toString("base64") }, ["place"]);
      expect(open).toThrow(UnsealableError);
    }
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length).toString("base64");
      expect(() => seal.open({ key: id, sealed: cut }, ["place"])).toThrow(UnsealableError);
    }
  });

  it("does not open for whom it does not belong to, however the parts are spelt", () => {
    const sealed = seal.close("text", ["a", "b"]);
    for (const belonging of [["a"], ["b", "a"], ["ab"], ["a", "b", ""], ["a,b"], []]) {
      expect(() => seal.open(sealed, belonging)).toThrow(/does not open with the key "a"/);
    }
  });

  it.each([
    [null],
    ["text"],
    [[]],
    [{}],
    [{ key: "a" }],
    [{ key: 1, sealed: "" }],
    [{ key: "../a", sealed: "" }],
    [{ key: "__proto__", sealed: "AAAA" }],
  ])("is not %j", (value) => {
    expect(() => seal.open(value, [])).toThrow(UnsealableError);
  });
});

describe("keys", () => {
  it("are rotated: the current one writes, all of them read", () => {
    const old = seal.close("text", []);
    const rotated = createSeal({ current: "b", keys: { a: key(1), b: key(2).toString("base64") } });
    expect(rotated.open(old, [])).toBe("text");
    expect(rotated.close("text", []).key).toBe("b");
    const later = createSeal({ current: "b", keys: { b: key(2) } });
    expect(() => later.open(old, [])).toThrow('it is sealed with the key "a"; the keys here are b');
  });

  it("of the same name and other bytes do not open", () => {
    const other = createSeal({ current: "a", keys: { a: key(3) } });
    expect(() => other.open(seal.close("text", []), [])).toThrow(/the key is another one/);
  });

  const secret = randomBytes(31).toString("base64");
  it.each<[string, object, RegExp]>([
    ["no such current key", { current: "b", keys: { a: key(1) } }, /"current" must be the id of one of the keys \(a\)/],
    ["too short a key", { current: "a", keys: { a: secret } }, /"a" must be 32 bytes, or their base64.*openssl rand/],
    ["no key", { current: "a", keys: { a: 5 } }, /"a" must be 32 bytes/],
    ["an odd id", { current: "a b", keys: { "a b": key(1) } }, /id of a key may hold .* one is "a b"/],
    ["an unknown option", { current: "a", key: { a: key(1) } }, /no option "key" of createSeal. Did you mean "keys"/],
  ])("are refused: %s", (_, options, text) => {
    const create = () => createSeal(options as SealOptions);
    expect(create).toThrow(InvalidOptionError);
    expect(create).toThrow(text);
    expect(create).not.toThrow(secret);
  });

  it("are never printed", () => {
    const named = createSeal({ current: "a", keys: { a: Buffer.from("0123456789abcdef0123456789abcdef") } });
    const printed = inspect(named, { depth: 9, showHidden: true }) + JSON.stringify(named);
    expect(printed).not.toMatch(/0123456789abcdef|MDEyMzQ1Njc4OWFiY2RlZ|30 31 32 33/);
  });
});

describe("a value that travels", () => {
  const sealed = (value: unknown, tagged = false) => sealValue(seal, JSON.stringify(value), tagged, owner);

  it("is read as it was sealed, plain or tagged", () => {
    const plain = sealed({ a: 1 });
    expect(plain.encoding).toBe("sealed");
    expect(readValue(plain.value, plain.encoding, owner, seal)).toEqual({ a: 1 });
    const tagged = sealed({ $bigint: "12" }, true);
    expect(tagged.encoding).toBe("tagged+sealed");
    expect(readValue(tagged.value, tagged.encoding, owner, seal)).toBe(12n);
  });

  it("does not open in another message, for another actor or contract, as an output, or under another encoding", () => {
    const { value, encoding } = sealed({ a: 1 });
    const elsewhere: ValueOwner[] = [
      { ...owner, id: "other" },
      { ...owner, actor: "test.other" },
      { ...owner, v: "11111111" },
      { ...owner, kind: "output" },
    ];
    for (const other of elsewhere) expect(() => readValue(value, encoding, other, seal)).toThrow(UnsealableError);
    expect(() => readValue(value, "tagged+sealed", owner, seal)).toThrow(UnsealableError);
  });

  it("that is sealed needs keys, and where keys are required it must be sealed", () => {
    const { value, encoding } = sealed(1);
    expect(() => readValue(value, encoding, owner, undefined)).toThrow(/there are no keys here: give them as "seal"/);
    const strict = createSeal({ current: "a", keys: { a: key(1) }, required: true });
    expect(readValue(value, encoding, owner, strict)).toBe(1);
    expect(() => readValue(1, undefined, owner, strict)).toThrow(/it is not sealed, and only what is sealed is taken/);
    expect(readValue(1, undefined, owner, seal)).toBe(1);
  });

  test.each([
    ["no JSON", "{"],
    ["hostile", '{"__proto__":{"a":1}}'],
    ["too deep", "[".repeat(100) + "]".repeat(100)],
    ["too large", JSON.stringify("x".repeat(1024 * 1024))],
  ])("is held to the limits of all that is read, sealed or not: %s", (_, json) => {
    const { value, encoding } = sealValue(seal, json, false, owner);
    expect(() => readValue(value, encoding, owner, seal)).toThrow(UndecodableError);
  });
});
