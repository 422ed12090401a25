import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runCommand } from "../setup/command.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Prints each package that a program loads, as Node itself resolves it, by `import` or by `require`. */
const watcher = `
  import { Module, register } from "node:module";
  const load = Module._load;
  Module._load = function (request, ...rest) { process._rawDebug("load " + request); return load.call(this, request, ...rest); };
  register("data:text/javascript," + encodeURIComponent(\`
    export function resolve(specifier, context, next) { process._rawDebug("load " + specifier); return next(specifier, context); }
  \`));
`;

/** The packages that are loaded with one of the built files; a package's parts count as the package. */
async function packagesOf(entry: string): Promise<ReadonlySet<string>> {
  const hook = `data:text/javascript,${encodeURIComponent(watcher)}`;
  const { code, stderr } = await runCommand(process.execPath, ["--import", hook, `dist/${entry}`], { cwd: root });
  expect(code, stderr).toBe(0);
  const specifiers = [...stderr.matchAll(/^load (\S+)/gm)].map(([, specifier = ""]) => specifier);
  return new Set(specifiers.map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier));
}

const drivers = ["ioredis", "amqplib", "piscina"];
const buildTools = ["ts-morph", "esbuild", "citty"];
const observers = ["prom-client", "@opentelemetry/api"];

test.each([
  ["callboard", "index.js", [...drivers, ...buildTools, ...observers, "pino", "pino-pretty"]],
  ["callboard/client", "client/index.js", [...drivers, ...buildTools, ...observers, "croner", "pino", "pino-pretty"]],
  ["callboard/worker", "worker/index.js", [...drivers, ...buildTools, ...observers, "pino-pretty"]],
  ["callboard/redis", "brokers/redis/index.js", ["amqplib", ...buildTools, ...observers, "pino", "pino-pretty"]],
  ["callboard/rabbitmq", "brokers/rabbitmq/index.js", ["ioredis", ...buildTools, ...observers, "pino", "pino-pretty"]],
  ["callboard/testing", "testing/index.js", [...drivers, ...buildTools, ...observers, "pino", "pino-pretty"]],
  // prom-client loads @opentelemetry/api by itself.
  ["callboard/metrics", "metrics/index.js", [...drivers, ...buildTools, "pino", "pino-pretty"]],
  ["callboard/tracing", "tracing/index.js", [...drivers, ...buildTools, "prom-client", "pino", "pino-pretty"]],
])("importing %s loads only what it needs", async (_name, entry, unwanted) => {
  const loaded = await packagesOf(entry);
  expect(unwanted.filter((name) => loaded.has(name))).toEqual([]);
});

test("what is loaded is really seen", async () => {
  expect(await packagesOf("brokers/redis/index.js")).toContain("ioredis");
  expect(await packagesOf("worker/index.js")).toContain("pino");
  expect(await packagesOf("metrics/index.js")).toContain("prom-client");
  expect(await packagesOf("tracing/index.js")).toContain("@opentelemetry/api");
});
