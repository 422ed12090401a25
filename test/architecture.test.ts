/** Holds the direction of all imports: which part of the house may know which other. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { importsOf, parseImports, type Import } from "./setup/imports.js";

/** What may not be, and which imports break it. */
interface Rule {
  readonly sentence: string;
  readonly breaks: (found: Import) => boolean;
}

/** What all the rest is written with: a contract's words, the options that they become, and the errors. */
const vocabulary = "runtime/vocabulary";
/** What client, worker, operator and brokers have in common, and where each lies on. */
const shared = ["support", "seams", "wire", "limiters", "sending"].map((name) => `runtime/${name}`);
const surface = "runtime/index.ts";
/** Where the command line makes a broker of a URL that a person gave. */
const opener = "runtime/cli/broker.ts";

/** Whether a file lies in one of some folders. */
const within = (file: string, ...folders: readonly string[]) => folders.some((folder) => file.startsWith(`${folder}/`));

/** Whether what is imported is one of some packages, or a part of one. */
const isPackage = ({ specifier }: Import, ...names: readonly string[]) =>
  names.some((name) => specifier === name || specifier.startsWith(`${name}/`));

/** Whether it is a file of this repository that is imported. */
const isOurs = ({ specifier }: Import) => specifier.startsWith(".");

/** The broker that a file belongs to: `runtime/brokers/redis/keys.ts` belongs to `runtime/brokers/redis`. */
const brokerOf = (file: string) => /^runtime\/brokers\/[^/.]+/.exec(file)?.[0];

/** A package that only some folders may import. */
const keptIn = (name: string, ...folders: readonly string[]): Rule => ({
  sentence: `Only ${folders.join(" and ")} may import ${name}.`,
  breaks: (found) => isPackage(found, name) && !within(found.file, ...folders),
});

const rules: readonly Rule[] = [
  {
    sentence:
      "The vocabulary imports nothing but vocabulary, zod, ms and croner: whoever reads a contract loads no engine.",
    breaks: (found) =>
      within(found.file, vocabulary) && !within(found.target, vocabulary) && !isPackage(found, "zod", "ms", "croner"),
  },
  {
    sentence: "The generator imports the vocabulary of the runtime, never its engine.",
    breaks: ({ file, target }) => within(file, "generator") && within(target, "runtime") && !within(target, vocabulary),
  },
  {
    sentence: "What serves everybody knows the vocabulary only.",
    breaks: ({ file, target }) =>
      within(file, "runtime/support") && within(target, "runtime") && !within(target, "runtime/support", vocabulary),
  },
  {
    sentence:
      "A seam is types and a few words about them: it loads what serves everybody, and nothing that does the work.",
    breaks: ({ file, target, typeOnly }) =>
      within(file, "runtime/seams") &&
      within(target, "runtime") &&
      !within(target, "runtime/seams", "runtime/support", vocabulary) &&
      !(typeOnly && within(target, "runtime/wire")),
  },
  {
    sentence: "The envelope is what seams are spoken of in: it knows none of them.",
    breaks: ({ file, target }) => file === "runtime/wire/envelope.ts" && within(target, "runtime/seams"),
  },
  {
    sentence: "What is on the wire is read and written without knowing who sends it, and through what.",
    breaks: ({ file, target, typeOnly }) =>
      within(file, "runtime/wire") &&
      within(target, "runtime") &&
      !within(target, "runtime/wire", "runtime/support", vocabulary) &&
      !typeOnly,
  },
  {
    sentence: "What client, worker, operator and brokers share knows none of them.",
    breaks: ({ file, target }) =>
      within(file, ...shared) &&
      ["brokers", "client", "operations", "testing", "worker"].some((name) => within(target, `runtime/${name}`)),
  },
  {
    sentence: "A broker knows the seams, never another broker.",
    breaks: ({ file, target }) => {
      const [own, other] = [brokerOf(file), brokerOf(target)];
      return own !== undefined && other !== undefined && own !== other;
    },
  },
  {
    sentence: "A broker knows neither worker nor client.",
    breaks: ({ file, target }) => brokerOf(file) !== undefined && within(target, "runtime/worker", "runtime/client"),
  },
  {
    sentence:
      "Nothing in the engine names a concrete broker: only the surface, runtime/index.ts, hands one out, the testing kit " +
      "is built on the one in memory, and the command line says which rights each needs, and loads the one that a URL " +
      "means when it is named.",
    breaks: ({ file, target, lazy }) =>
      within(file, "runtime") &&
      file !== surface &&
      brokerOf(file) === undefined &&
      brokerOf(target) !== undefined &&
      !(within(file, "runtime/testing") && brokerOf(target) === "runtime/brokers/memory") &&
      !(within(file, "runtime/cli") && target.endsWith("/rights.ts")) &&
      !(file === opener && lazy),
  },
  {
    sentence: "Client and worker know nothing of each other: they meet in the envelope.",
    breaks: ({ file, target }) =>
      (within(file, "runtime/client") && within(target, "runtime/worker")) ||
      (within(file, "runtime/worker") && within(target, "runtime/client")),
  },
  {
    sentence:
      "An operator's questions are asked of the seams: what is done with the answers, and where, is not known there.",
    breaks: (found) =>
      within(found.file, "runtime/operations") &&
      (within(found.target, "runtime/worker") || found.specifier.startsWith("node:")),
  },
  {
    sentence: "Only the command line imports the generator: it runs at build time.",
    breaks: ({ file, target }) => within(target, "generator") && !within(file, "generator", "runtime/cli"),
  },
  {
    sentence: "Nobody imports the command line.",
    breaks: ({ file, target }) => within(target, "runtime/cli") && !within(file, "runtime/cli"),
  },
  {
    sentence: "Metrics and traces are loaded by those who want them: users, and the command line for its own.",
    breaks: ({ file, target }) =>
      ["runtime/metrics", "runtime/tracing"].some((folder) => within(target, folder) && !within(file, folder)) &&
      !within(file, "runtime/cli"),
  },
  {
    sentence: "Nobody imports the testing kit.",
    breaks: ({ file, target }) => within(target, "runtime/testing") && !within(file, "runtime/testing"),
  },
  {
    sentence: "The surface is imported by its users only: inside, a file imports the file that it means.",
    breaks: ({ file, target }) => target === surface && within(file, "runtime", "generator"),
  },
  {
    sentence: "Runtime and generator know nothing of contracts, generated code, examples, tests and benchmarks.",
    breaks: ({ file, target }) =>
      within(file, "runtime", "generator") && within(target, "contracts", "generated", "examples", "test", "bench"),
  },
  {
    sentence: "Generated code imports callboard's surface, zod and itself.",
    breaks: (found) =>
      within(found.file, "generated") &&
      !(isOurs(found) ? within(found.target, "generated") : isPackage(found, "callboard", "zod")),
  },
  {
    sentence: "Contracts import callboard, zod and each other.",
    breaks: (found) =>
      within(found.file, "contracts") &&
      !(isOurs(found) ? within(found.target, "contracts") : found.specifier === "callboard" || isPackage(found, "zod")),
  },
  keptIn("ioredis", "runtime/brokers/redis"),
  keptIn("amqplib", "runtime/brokers/rabbitmq"),
  keptIn("pino", "runtime/worker", "runtime/cli"),
  keptIn("pino-pretty", "runtime/worker", "runtime/cli"),
  keptIn("citty", "runtime/cli"),
  keptIn("cli-table3", "runtime/cli"),
  keptIn("picocolors", "runtime/cli"),
  keptIn("prom-client", "runtime/metrics"),
  keptIn("@opentelemetry/api", "runtime/tracing"),
  keptIn("ts-morph", "generator/typescript"),
  keptIn("esbuild", "generator", "runtime/cli", "runtime/compiler"),
  keptIn("piscina", "runtime/worker/threads"),
];

/** What breaks a rule, said so that it can be found and understood. */
function violations(imports: readonly Import[]): readonly string[] {
  return imports.flatMap((found) =>
    rules
      .filter((rule) => rule.breaks(found))
      .map((rule) => `${found.file}:${found.line} imports "${found.specifier}". ${rule.sentence}`),
  );
}

/** Each circle of files that load each other, once, as the path along it. */
function cycles(imports: readonly Import[]): readonly string[] {
  const loaded = new Map<string, string[]>();
  for (const found of imports) {
    if (!isOurs(found) || found.typeOnly || found.lazy) continue;
    loaded.set(found.file, [...(loaded.get(found.file) ?? []), found.target]);
  }
  const found = new Set<string>();
  const finished = new Set<string>();
  const follow = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) found.add([...path.slice(start), file].join(" -> "));
    if (start !== -1 || finished.has(file)) return;
    for (const target of loaded.get(file) ?? []) follow(target, [...path, file]);
    finished.add(file);
  };
  for (const file of loaded.keys()) follow(file, []);
  return [...found];
}

const root = fileURLToPath(new URL("..", import.meta.url));
const imports = importsOf(root, ["contracts", "generated", "generator", "runtime"]);

test("every import keeps to the rules", () => {
  expect(violations(imports)).toEqual([]);
});

test("no files of runtime and generator load each other in a circle", () => {
  expect(cycles(imports.filter(({ file }) => within(file, "runtime", "generator")))).toEqual([]);
});

test("the sources were really read", () => {
  const files = new Set(imports.map(({ file }) => file));
  expect(files).toContain("runtime/index.ts");
  expect(files).toContain("runtime/client/client.ts");
  expect(imports.length).toBeGreaterThan(files.size);
});

test.each([
  ["runtime/vocabulary/contract.ts", "../client/client.js", /loads no engine/],
  ["runtime/vocabulary/options.ts", "pino", /loads no engine/],
  ["generator/model.ts", "../runtime/worker/worker.js", /never its engine/],
  ["runtime/brokers/redis/index.ts", "../memory/index.js", /never another broker/],
  ["runtime/brokers/memory/index.ts", "../../client/client.js", /neither worker nor client/],
  ["runtime/worker/worker.ts", "../brokers/redis/index.js", /names a concrete broker/],
  ["runtime/cli/send.ts", "../brokers/redis/index.js", /names a concrete broker/],
  ["runtime/operations/queues.ts", "../brokers/redis/index.js", /names a concrete broker/],
  ["runtime/operations/queues.ts", "../cli/table.js", /Nobody imports the command line/],
  ["runtime/operations/queues.ts", "../worker/worker.js", /asked of the seams/],
  ["runtime/operations/queues.ts", "picocolors", /may import picocolors/],
  ["runtime/wire/envelope.ts", "../brokers/memory/index.js", /names a concrete broker/],
  ["runtime/support/clock.ts", "../seams/broker.js", /knows the vocabulary only/],
  ["runtime/seams/broker.ts", "../sending/posting.js", /nothing that does the work/],
  ["runtime/sending/posting.ts", "../client/client.js", /knows none of them/],
  ["runtime/client/client.ts", "../worker/task.js", /nothing of each other/],
  ["runtime/worker/dispatch.ts", "../client/client.js", /nothing of each other/],
  ["runtime/worker/worker.ts", "../../generator/index.js", /Only the command line/],
  ["runtime/worker/worker.ts", "../cli/main.js", /Nobody imports the command line/],
  ["runtime/worker/worker.ts", "../testing/kit.js", /Nobody imports the testing kit/],
  ["runtime/testing/kit.ts", "../brokers/redis/index.js", /names a concrete broker/],
  ["runtime/client/client.ts", "../index.js", /imports the file that it means/],
  ["runtime/worker/worker.ts", "../../generated/worker.js", /know nothing of contracts/],
  ["generated/client.ts", "../contracts/payments.js", /Generated code/],
  ["generated/client.ts", "node:fs", /Generated code/],
  ["contracts/payments.ts", "../runtime/vocabulary/contract.js", /Contracts import/],
  ["contracts/payments.ts", "callboard/client", /Contracts import/],
  ["runtime/client/client.ts", "ioredis", /may import ioredis/],
  ["runtime/brokers/redis/index.ts", "amqplib", /may import amqplib/],
  ["runtime/client/client.ts", "pino", /may import pino/],
  ["runtime/worker/worker.ts", "../metrics/index.js", /loaded by those who want them/],
  ["runtime/worker/worker.ts", "prom-client", /may import prom-client/],
  ["runtime/worker/worker.ts", "@opentelemetry/api", /may import @opentelemetry/],
  ["generator/generate.ts", "ts-morph", /may import ts-morph/],
  ["runtime/worker/worker.ts", "esbuild", /may import esbuild/],
  ["runtime/worker/worker.ts", "piscina", /may import piscina/],
])("a planted import is found: %s of %s", (file, specifier, rule) => {
  for (const text of [
    `import { x } from "${specifier}";`,
    `import type { X } from "${specifier}";`,
    `export * from "${specifier}";`,
    `const x = await import("${specifier}");`,
    `let x: import("${specifier}").X;`,
  ]) {
    const found = violations(parseImports(file, `\n${text}`));
    expect(found.join("\n")).toMatch(rule);
    expect(found[0]).toContain(`${file}:2 imports "${specifier}".`);
  }
});

test("the wire may name a seam's types, and load nothing of it; the envelope names none", () => {
  const seam = '"../seams/claims.js";';
  expect(violations(parseImports("runtime/wire/dead-letter.ts", `import type { Claim } from ${seam}`))).toEqual([]);
  expect(violations(parseImports("runtime/wire/dead-letter.ts", `import { copyKey } from ${seam}`))).toHaveLength(1);
  expect(violations(parseImports("runtime/wire/envelope.ts", `import type { Claim } from ${seam}`))).toHaveLength(1);
});

test("a planted circle is found; one of types or of lazy imports is none", () => {
  const circle = (back: string) => [
    ...parseImports("runtime/a.ts", 'import { b } from "./b.js";'),
    ...parseImports("runtime/b.ts", 'export * from "./c.js";'),
    ...parseImports("runtime/c.ts", back),
  ];
  expect(cycles(circle('import { a } from "./a.js";'))).toEqual([
    "runtime/a.ts -> runtime/b.ts -> runtime/c.ts -> runtime/a.ts",
  ]);
  expect(cycles(circle('import type { A } from "./a.js";'))).toEqual([]);
  expect(cycles(circle('import { type A } from "./a.js";'))).toEqual([]);
  expect(cycles(circle('const a = await import("./a.js");'))).toEqual([]);
});
