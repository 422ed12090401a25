/** What it takes to import a generated client with its broker: time, and packages that it has no use for. */
import { execFile } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { Contender, Row } from "../row.js";
import { Project, repository } from "./contracts.js";

/** Imports a client as a producer does, then says how long that took and which of some packages were loaded. */
const producer = (broker: string, create: string, unwanted: readonly string[]) => `
const started = performance.now();
const [{ createClient }, broker] = await Promise.all([import("./generated/client.js"), import("${broker}")]);
createClient(broker.${create});
const time = performance.now() - started;

import { createRequire } from "node:module";
const files = Object.keys(createRequire(import.meta.url).cache);
const loaded = ${JSON.stringify(unwanted)}.filter((name) => files.some((file) => file.includes(\`/node_modules/\${name}/\`)));
console.log(JSON.stringify({ time, unwanted: loaded.length }));
`;

function importing(name: string, broker: string, create: string, unwanted: readonly string[]): Contender {
  return {
    name,
    async open() {
      const project = new Project();
      const generated = join(repository, "generated");
      // As a build leaves it: one JavaScript file for each TypeScript file.
      cpSync(generated, project.path("generated"), { recursive: true });
      await build({
        entryPoints: [`${generated}/*.ts`],
        outdir: project.path("generated"),
        outbase: generated,
        format: "esm",
      });
      project.write("producer.js", producer(broker, create, unwanted));
      return {
        async run() {
          const { stdout } = await promisify(execFile)(process.execPath, ["producer.js"], { cwd: project.root });
          return JSON.parse(stdout) as { time: number; unwanted: number };
        },
        close: async () => rmSync(project.root, { recursive: true, force: true }),
      };
    },
  };
}

const tools = ["ts-morph", "typescript", "esbuild"];

export const importRows: readonly Row[] = [
  {
    id: "import",
    group: "Import of a generated client",
    title: "with its broker",
    measures: { time: "ms", unwanted: "count" },
    contenders: [
      importing("Redis", "callboard/redis", 'redisBroker("redis://localhost")', ["amqplib", ...tools]),
      importing("RabbitMQ", "callboard/rabbitmq", 'rabbitmqBroker("amqp://localhost")', ["ioredis", ...tools]),
    ],
  },
];
