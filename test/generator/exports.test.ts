/** An actor is found however it is exported, and belongs to one file. */
import { expect, test } from "vitest";
import { contract, createProject } from "./project.js";

const zod = 'import { z } from "zod";\n';

test("renamed and namespace imports of actor, local exports and wrapped calls", async () => {
  const project = await createProject({
    "contracts/renamed.ts": `import { actor as task } from "callboard";\n${zod}/** Does a. */\nexport const a = task({ input: z.string() });\n`,
    "contracts/space.ts": `import * as cb from "callboard";\n${zod}const local = cb.actor({ input: z.string() });\nexport { local as b };\n`,
    "contracts/wrapped.ts": contract(
      "const options = { input: z.string(), queue: 'slow' } as const;",
      "export const c = (actor({ ...options })) satisfies object, d = actor(options)!;",
    ),
  });
  const report = await project.generateWell();
  expect(report.actors).toBe(4);
  expect(await project.read("generated/actors/renamed.d.ts")).toContain(
    "/** Does a. */\nexport declare const a: Actor<{",
  );
  expect(await project.read("generated/actors/space.js")).toContain('name: "space.b"');
  expect(await project.read("generated/worker.ts")).toContain(
    "  readonly slow: { readonly wrapped: WrappedHandlers };",
  );
  expect(await project.typeCheck()).toBe("");
});

test("barrels make nothing of their own", async () => {
  const project = await createProject({
    "contracts/a.ts": contract("export const one = actor({ input: z.string() });"),
    "contracts/index.ts":
      'export * from "./a.js";\nexport { one as uno } from "./a.js";\nexport { two } from "./deep/b.js";\n',
    "contracts/deep/b.ts": contract("export const two = actor({ input: z.string() });"),
    "contracts/schemas.ts": `${zod}export const text = z.string();\n`,
  });
  const report = await project.generateWell();
  expect(report).toMatchObject({ actors: 2, files: 2 });
  expect(await project.read("generated/client.ts")).toContain("readonly deepB: GroupClient<typeof deepB>;");
  const files = Object.keys(await project.snapshot("generated"));
  expect(files.filter((path) => path.includes("index") || path.includes("schemas"))).toEqual([]);
  expect(await project.typeCheck()).toBe("");
});

test("actors that are declared outside of the folder belong to the file that re-exports them", async () => {
  const project = await createProject({
    "src/tasks.ts": contract(
      "/** From afar. */",
      "const task = actor({ input: z.string() });",
      "export { task as far };",
    ),
    "contracts/near.ts": 'import { far } from "../src/tasks.js";\nexport { far as near };\n',
    "contracts/index.ts": 'export * from "./near.js";\n',
  });
  await project.generateWell();
  expect(await project.read("generated/actors/near.js")).toContain('name: "near.near"');
  expect(await project.read("generated/actors/near.d.ts")).toContain("/** From afar. */");
});

test("actors that a helper makes are found when the contract is loaded", async () => {
  const project = await createProject({
    "src/crud.ts": contract(
      "export function crud<T extends z.ZodType>(schema: T) {",
      "  return { create: actor({ input: schema }), remove: actor({ input: z.string() }) };",
      "}",
    ),
    "contracts/users.ts": [
      'import { crud } from "../src/crud.js";',
      zod,
      "/** Both of them. */",
      "export const { create, remove } = crud(z.object({ name: z.string() }));",
      "/** Only this. */",
      "export const invite = crud(z.object({ mail: z.email() })).create;",
      "",
    ].join("\n"),
  });
  expect((await project.generateWell()).actors).toBe(3);
  const actors = await project.read("generated/actors/users.d.ts");
  expect(actors).toContain("/** Only this. */\nexport declare const invite: Actor<{\n  input: { mail: string };");
  expect(actors).toContain("export declare const create: Actor<{\n  input: { name: string };");
  expect(await project.typeCheck()).toBe("");
});

test("comments are carried over: of actors with their tags, of properties, of descriptions", async () => {
  const project = await createProject({
    "contracts/docs.ts": contract(
      "const address = z.object({",
      "  /** Street and number. */",
      "  street: z.string(),",
      "});",
      "/**",
      " * Ships a parcel.",
      " *",
      " *   indented",
      " *",
      " * @deprecated Use `send`.",
      " */",
      "export const ship = actor({",
      "  input: z.object({ /** Where to. */ to: address, from: address.optional().describe('Where from.'),",
      "    /** Many\n     * lines. */",
      "    items: z.array(z.object({",
      "      /** Stock keeping unit. */",
      "      sku: z.string(),",
      "    })).min(1),",
      "    old: z.string().optional().meta({ description: 'Ends */ early', deprecated: true }),",
      "    kind: z.discriminatedUnion('type', [",
      "      z.object({ type: z.literal('a'), /** Of a. */ value: z.string() }),",
      "      z.object({ type: z.literal('b'), /** Of b. */ value: z.number() }),",
      "    ]),",
      "  }),",
      "});",
    ),
  });
  await project.generateWell();
  const text = await project.read("generated/actors/docs.d.ts");
  expect(text).toContain(
    "/**\n * Ships a parcel.\n *\n *   indented\n *\n * @deprecated Use `send`.\n */\nexport declare const ship",
  );
  expect(text).toContain(
    "    /** Where to. */\n    to: {\n      /** Street and number. */\n      street: string;\n    };",
  );
  expect(text).toContain("    /** Where from. */\n    from?:");
  expect(text).toContain(
    "    /**\n     * Many\n     * lines.\n     */\n    items: {\n      /** Stock keeping unit. */\n      sku: string;\n    }[];",
  );
  expect(text).toContain("    /**\n     * Ends *\\/ early\n     * @deprecated\n     */\n    old?: string | undefined;");
  expect(text).toMatch(/type: "a";\s+\/\*\* Of a\. \*\/\s+value: string;/);
  expect(text).toMatch(/type: "b";\s+\/\*\* Of b\. \*\/\s+value: number;/);
  expect(await project.typeCheck()).toBe("");
});

test("names that generated files use themselves are no obstacle", async () => {
  const names = ["contracts", "defineActor", "Actor", "Contract", "async", "of", "type"];
  const one = contract("export const run = actor({ input: z.string() });");
  const project = await createProject({
    "contracts/names.ts": contract(
      ...names.map((name) => `export const ${name} = actor({ input: z.string(), output: z.date() });`),
    ),
    ...Object.fromEntries(
      [
        "create",
        "actors",
        "broker",
        "options",
        "handlers",
        "class",
        "default",
        "new",
        "client",
        "Worker",
        "queue",
        "not-implemented-error",
      ].map((name) => [`contracts/${name}.ts`, one]),
    ),
  });
  await project.generateWell();
  expect(await project.typeCheck()).toBe("");
});
