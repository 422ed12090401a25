/** Printed types are those of the schemas: compared by the compiler, for every kind of schema. */
import { expect, test } from "vitest";
import { createProject } from "./project.js";

/** Schemas by name, as they are written in a contract. */
const zoo: Readonly<Record<string, string>> = {
  text: "z.string().min(1).max(5).regex(/a/i)",
  email: "z.email()",
  integer: "z.int()",
  truth: "z.boolean()",
  big: "z.bigint()",
  nothing: "z.null()",
  anything: "z.any()",
  mystery: "z.unknown()",
  date: "z.date()",
  literal: 'z.literal("a")',
  literals: 'z.literal(["a", 1, true, null])',
  bigLiteral: "z.literal(1n)",
  negative: "z.literal(-1)",
  quotes: `z.literal(['say "hi"', "it's", "both \\" and '", "back\\\\slash", "line\\nbreak"])`,
  choice: 'z.enum(["low", "normal", "high"])',
  enumObject: 'z.enum({ Low: "low", High: "high" } as const)',
  template: 'z.templateLiteral(["id-", z.number(), "-", z.enum(["a", "b"])])',
  list: "z.array(z.string())",
  lists: "z.array(z.array(z.union([z.string(), z.number()])))",
  tuple: "z.tuple([z.string(), z.number()])",
  tupleRest: "z.tuple([z.string()], z.number())",
  tupleOptional: "z.tuple([z.string(), z.number().optional()])",
  emptyTuple: "z.tuple([])",
  object: "z.object({ a: z.string(), b: z.number() })",
  optional: "z.object({ a: z.string().optional(), b: z.number().nullish(), c: z.string().nullable() })",
  exactOptional: "z.object({ a: z.string().exactOptional() })",
  defaults: 'z.object({ a: z.string().default("x"), b: z.number().prefault(1), c: z.string().catch("y") })',
  defaultOptional: "z.object({ a: z.string().optional().default('x'), b: z.string().default('x').optional() })",
  nested: "z.object({ a: z.object({ b: z.object({ c: z.array(z.object({ d: z.string() })) }) }) })",
  emptyObject: "z.object({})",
  looseEmpty: "z.looseObject({})",
  strict: "z.strictObject({ a: z.string() })",
  loose: "z.looseObject({ a: z.string() })",
  catchall: "z.object({ a: z.string() }).catchall(z.string())",
  catchallUnknown: "z.object({ a: z.string() }).catchall(z.unknown())",
  undefinedKey: "z.object({ a: z.undefined(), b: z.union([z.string(), z.undefined()]) })",
  oddKeys: 'z.object({ "a-b": z.string(), "1": z.number(), class: z.boolean(), "it\'s": z.string() })',
  record: "z.record(z.string(), z.number())",
  enumRecord: 'z.record(z.enum(["a", "b"]), z.number())',
  partialRecord: 'z.partialRecord(z.enum(["a", "b"]), z.number())',
  numberRecord: "z.record(z.number(), z.string())",
  partialRecords:
    'z.object({ a: z.partialRecord(z.enum(["a", "b"]), z.number().optional()), b: z.record(z.literal(["x", 1]), z.string()) })',
  recordOptional: 'z.record(z.enum(["a", "b"]), z.number().default(1))',
  map: "z.map(z.string(), z.object({ at: z.date() }))",
  set: "z.set(z.enum(['x', 'y']))",
  union: "z.union([z.string(), z.number(), z.array(z.boolean())])",
  unionOptional: "z.object({ a: z.union([z.string().optional(), z.number()]) })",
  discriminated:
    'z.discriminatedUnion("kind", [z.object({ kind: z.literal("a"), a: z.string() }), z.object({ kind: z.literal("b"), b: z.number() })])',
  intersection: "z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() }))",
  nullableObject: "z.object({ a: z.object({ b: z.string() }).nullable() })",
  readonlyObject: "z.object({ a: z.string(), b: z.array(z.string()) }).readonly()",
  readonlyList: "z.array(z.string()).readonly()",
  readonlyTuple: "z.tuple([z.string(), z.number()]).readonly()",
  readonlyMap: "z.map(z.string(), z.number()).readonly()",
  readonlySet: "z.set(z.string()).readonly()",
  readonlyRecord: "z.record(z.string(), z.number()).readonly()",
  nestedReadonly: "z.array(z.array(z.string()).readonly()).readonly()",
  nonoptional: "z.string().optional().nonoptional()",
  pipe: "z.string().pipe(z.string().min(2))",
  stringbool: "z.stringbool()",
  coerced: "z.object({ n: z.coerce.number(), s: z.coerce.string(), d: z.coerce.date() })",
  codec: "z.codec(z.iso.datetime(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toISOString() })",
  codecField:
    "z.object({ at: z.codec(z.iso.datetime(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toISOString() }).optional() })",
  lazy: "z.lazy(() => z.object({ a: z.string() }))",
  json: "z.json()",
  trimmed: "z.string().trim().toLowerCase()",
  described: 'z.object({ a: z.string().describe("what it is") })',
  xor: "z.xor([z.string(), z.number()])",
  keyof: "z.object({ a: z.string(), b: z.string() }).keyof()",
  partial: "z.object({ a: z.string(), b: z.string() }).partial().required({ a: true })",
  extended: "z.object({ a: z.string() }).extend({ b: z.number() }).omit({ a: true })",
  // What only the type checker knows.
  transformed: "z.string().transform((text) => text.length)",
  transformedField:
    "z.object({ a: z.string().transform((text) => ({ text, size: text.length, tags: [text] as const })), b: z.number().optional() })",
  preprocessed: "z.preprocess((value) => String(value), z.string())",
  custom: "z.custom<`${number}px`>((value) => typeof value === 'string')",
  customObject:
    "z.custom<{ readonly a: string; b?: number; c?: string | undefined; d: readonly string[]; e: [x: string, y?: number] }>()",
  checkedUnion:
    "z.string().transform((text): { ok: true; text: string } | { ok: false } | null => text === '' ? null : { ok: true, text })",
  checkedRecords:
    'z.object({ only: z.string().transform((text) => text.length), a: z.partialRecord(z.enum(["a", "b"]), z.number()), b: z.record(z.enum(["a", "b"]), z.number().default(1)), c: z.partialRecord(z.enum(["a", "b"]), z.string().optional()), d: z.record(z.string(), z.string()) })',
  checkedInput:
    'z.object({ only: z.custom<`${number}px`>(), a: z.partialRecord(z.enum(["a", "b"]), z.number()), b: z.record(z.enum(["a", "b"]), z.number().default(1)), c: z.record(z.enum(["a"]), z.string().optional()) })',
  checkedJson: "z.object({ a: z.json(), b: z.json(), c: z.string().transform((text) => text.length) })",
  jsonTwice: "z.object({ a: z.json(), b: z.array(z.json()) })",
  checkedMap: "z.string().transform((text) => new Map([[text, new Set([new Date()])]]))",
};

/** Recursive schemas: TypeScript has to be told their types. */
const recursive = `
export const category = z.object({ name: z.string(), get children() { return z.array(category); } });
export const person = z.object({ name: z.string().default("x"), get friend() { return person.optional(); } });
interface Node { value: number; next?: Node | undefined }
export const node: z.ZodType<Node, Node> = z.lazy(() => z.object({ value: z.number(), next: node.optional() }));
export const left = z.object({ get right() { return right.nullable(); } });
export const right = z.object({ get left() { return left.nullable(); } });
`;

const recursiveNames = ["category", "person", "node", "left", "right"];

test("printed types equal z.input and z.output of every kind of schema, wherever it stands", async () => {
  const names = [...Object.keys(zoo), ...recursiveNames];
  const project = await createProject({
    "contracts/zoo.ts": [
      'import { actor } from "callboard";',
      'import { z } from "zod";',
      recursive,
      ...Object.entries(zoo).map(([name, schema]) => `export const ${name} = ${schema};`),
      ...names.map(
        (name) => `export const ${name}Actor = actor({ input: ${name}, output: ${name}, progress: ${name} });`,
      ),
      "",
    ].join("\n"),
    "src/test.ts": [
      'import type { z } from "zod";',
      'import type { InputOf, OutputOf, ProgressOf, ReceivedOf, ReportedOf, ReturnedOf } from "callboard/client";',
      'import type * as contracts from "../contracts/zoo.js";',
      'import type { zoo } from "../generated/client.js";',
      "type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;",
      "type Is<T extends true> = T;",
      ...names.flatMap((name) =>
        [
          ["InputOf", "input"],
          ["ReceivedOf", "output"],
          ["OutputOf", "output"],
          ["ReturnedOf", "input"],
          ["ProgressOf", "output"],
          ["ReportedOf", "input"],
        ].map(
          ([printed, original]) =>
            `export type ${name}_${printed} = Is<Equal<${printed}<typeof zoo.${name}Actor>, z.${original}<typeof contracts.${name}>>>;`,
        ),
      ),
      "",
    ].join("\n"),
  });
  await project.generateWell();
  expect(await project.typeCheck()).toBe("");
});

test("one type has one name and one form, whether the schema tells it or the checker", async () => {
  const project = await createProject({
    "contracts/same.ts": [
      'import { actor } from "callboard";',
      'import { z } from "zod";',
      "export const tree = z.object({ value: z.string(), get children() { return z.array(tree); } });",
      "export const Tree = z.object({ value: z.number(), get children() { return z.array(Tree); } });",
      "const length = z.string().transform((text) => text.length);",
      'const some = z.partialRecord(z.enum(["a", "b"]), z.number());',
      'const all = z.record(z.enum(["a", "b"]), z.number());',
      "export const json = actor({ input: z.object({ length, a: z.json(), b: z.json() }) });",
      "export const records = actor({ input: z.object({ length, some, all }) });",
      "export const trees = actor({ input: z.object({ tree, Tree }) });",
      "",
    ].join("\n"),
  });
  await project.generateWell();
  const text = await project.read("generated/actors/same.d.ts");
  expect(text.match(/^export (?:type|interface) \w+/gm)).toEqual([
    "export type Json",
    "export interface Tree",
    "export interface Tree2",
  ]);
  expect(text).toContain(
    "  input: { length: string; a: Json; b: Json };\n  received: { length: number; a: Json; b: Json };",
  );
  expect(text).toContain("input: { tree: Tree; Tree: Tree2 };");
  const records = 'some: Partial<Record<"a" | "b", number>>; all: Record<"a" | "b", number>';
  expect(text).toContain(`  input: { length: string; ${records} };\n  received: { length: number; ${records} };`);
  expect(await project.typeCheck()).toBe("");
});

test("what has no type of its own is printed as what its users can work with", async () => {
  const project = await createProject({
    "contracts/odd.ts": [
      'import { actor } from "callboard";',
      'import { z } from "zod";',
      'enum Color { Red = "red", Blue = "blue" }',
      "enum Level { Low, High }",
      "interface Tree { /** What it says. */ value: string; children?: Tree[] }",
      'export const brand = actor({ input: z.object({ id: z.string().brand<"Id">() }) });',
      "export const bytes = actor({ input: z.instanceof(Uint8Array) });",
      "export const colors = actor({ input: z.object({ color: z.enum(Color), level: z.enum(Level) }) });",
      "export const tree = actor({ input: z.custom<Tree>() });",
      'export const brandChecked = actor({ input: z.string().brand<"Id">().transform((id) => ({ id })) });',
      "export const url = actor({",
      "  input: z.codec(z.url(), z.instanceof(URL), { decode: (text) => new URL(text), encode: (url) => url.href }),",
      "});",
      "",
    ].join("\n"),
  });
  await project.generateWell();
  const text = await project.read("generated/actors/odd.d.ts");
  const signature = (name: string) =>
    new RegExp(`declare const ${name}: Actor<\\{\n([^]*?)\n\\}>`).exec(text)?.[1]?.trim();
  expect(signature("brand")).toBe("input: { id: string };");
  expect(signature("bytes")).toBe("input: Uint8Array;");
  expect(signature("colors")).toBe('input: { color: "red" | "blue"; level: 0 | 1 };');
  expect(signature("tree")).toBe("input: Tree;");
  expect(text).toContain(
    "export interface Tree {\n  /** What it says. */\n  value: string;\n  children?: Tree[];\n}\n",
  );
  expect(signature("brandChecked")).toBe("input: string;\n  received: { id: string };");
  expect(signature("url")).toBe("input: string;\n  received: URL;");
  expect(await project.typeCheck()).toBe("");
});
