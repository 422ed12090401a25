/** How values travel, and when the fingerprint says that they do otherwise. */
import { expect, test } from "vitest";
import { contract, createProject } from "./project.js";

/** The identity that each schema's actor is given, as an input. */
async function identities(schemas: readonly string[]) {
  const project = await createProject({
    "contracts/all.ts": contract(
      "const iso = z.codec(z.iso.datetime(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toISOString() });",
      "const category = z.object({ name: z.string(), get children() { return z.array(category); } });",
      "const swapped = z.object({ get children() { return z.array(swapped); }, name: z.string() });",
      "void [iso, category, swapped];",
      ...schemas.map((schema, index) => `export const a${index} = actor({ input: ${schema} });`),
    ),
  });
  await project.generateWell();
  const text = await project.read("generated/actors/all.js");
  return schemas.map((_, index) => {
    const [, options = ""] = new RegExp(`defineActor\\(contracts\\.a${index}, \\{([^}]*)\\}`).exec(text) ?? [];
    return { fingerprint: /fingerprint: "(\w+)"/.exec(options)?.[1], tagged: options.includes("taggedInput: true") };
  });
}

test("only what holds Date, bigint, Map, Set or Uint8Array on the wire is tagged", async () => {
  const expected: Readonly<Record<string, boolean>> = {
    "z.date()": true,
    "z.bigint()": true,
    "z.literal(1n)": true,
    "z.map(z.string(), z.number())": true,
    "z.set(z.string())": true,
    "z.instanceof(Uint8Array)": true,
    "z.object({ deep: z.array(z.object({ at: z.date().optional() })) })": true,
    "z.union([z.string(), z.date()])": true,
    "z.lazy(() => z.record(z.string(), z.date().nullable()))": true,
    "z.date().transform((date) => date.getTime())": true,
    "z.custom<{ at: Date }>()": true,
    "z.string()": false,
    "z.object({ at: iso })": false,
    "z.coerce.date()": false,
    "z.string().transform((text) => new Date(text))": false,
    "z.custom<{ at: string }>()": false,
    category: false,
  };
  const found = await identities(Object.keys(expected));
  expect(Object.fromEntries(Object.keys(expected).map((schema, index) => [schema, found[index]?.tagged]))).toEqual(
    expected,
  );
});

test("the output is tagged by what the handler returns", async () => {
  const project = await createProject({
    "contracts/a.ts": contract(
      "export const plain = actor({ input: z.string(), output: z.string().transform((text) => new Date(text)) });",
      "export const tagged = actor({ input: z.string(), output: z.date().transform((date) => date.toISOString()) });",
    ),
  });
  await project.generateWell();
  const text = await project.read("generated/actors/a.js");
  expect(text.match(/taggedOutput/g)).toHaveLength(1);
  expect(text.indexOf("taggedOutput")).toBeGreaterThan(text.indexOf("contracts.tagged"));
});

test("the fingerprint stays where the wire stays", async () => {
  const same: readonly (readonly [string, string])[] = [
    ["z.object({ a: z.string(), b: z.number() })", "z.object({ b: z.number(), a: z.string() })"],
    ["z.enum(['a', 'b'])", "z.enum(['b', 'a'])"],
    ["z.union([z.literal('a'), z.literal('b')])", "z.enum(['a', 'b'])"],
    ["z.string()", "z.string().describe('words').brand<'Words'>()"],
    ["z.string()", "z.string().trim()"],
    ["z.string()", "z.string().transform((text) => text.length)"],
    ["z.string().min(1).max(2)", "z.string().max(2).min(1)"],
    ["z.iso.datetime()", "iso"],
    ["category", "swapped"],
    ["z.object({ a: z.string().default('x') })", "z.object({ a: z.string().default('y') })"],
    ["z.array(z.string())", "z.array(z.string()).readonly()"],
  ];
  const found = await identities(same.flat());
  same.forEach(([a, b], index) => {
    expect(found[index * 2]?.fingerprint, `${a} and ${b}`).toBe(found[index * 2 + 1]?.fingerprint);
  });
});

test("the fingerprint changes where the wire changes", async () => {
  const different: readonly (readonly [string, string])[] = [
    ["z.string()", "z.number()"],
    ["z.string()", "z.string().min(1)"],
    ["z.string().min(1)", "z.string().min(2)"],
    ["z.string().regex(/a/)", "z.string().regex(/a/i)"],
    ["z.string()", "z.email()"],
    ["z.number()", "z.int()"],
    ["z.number().gt(1)", "z.number().gte(1)"],
    ["z.object({ a: z.string() })", "z.object({ a: z.string().optional() })"],
    ["z.object({ a: z.string() })", "z.strictObject({ a: z.string() })"],
    ["z.object({ a: z.string() })", "z.looseObject({ a: z.string() })"],
    ["z.object({ a: z.string() })", "z.object({ b: z.string() })"],
    ["z.enum(['a', 'b'])", "z.enum(['a', 'b', 'c'])"],
    ["z.array(z.string())", "z.tuple([z.string()])"],
    ["z.literal(1)", "z.literal('1')"],
    ["z.literal(1)", "z.literal(1n)"],
    ["z.date()", "z.date().min(new Date(0))"],
    ["z.custom<string>()", "z.custom<number>()"],
    ["z.map(z.string(), z.string())", "z.record(z.string(), z.string())"],
  ];
  const found = await identities(different.flat());
  different.forEach(([a, b], index) => {
    expect(found[index * 2]?.fingerprint, `${a} and ${b}`).not.toBe(found[index * 2 + 1]?.fingerprint);
  });
});
