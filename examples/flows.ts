/**
 * Pipelines and groups, with a worker and a producer in one process: are two files the same? `CALLBOARD_BROKER` names
 * another broker than the one in memory.
 */
import { pathToFileURL } from "node:url";
import { FlowFailedError } from "callboard";
import { group, pipeline } from "callboard/client";
import { createClient } from "../generated/client.js";
import { createWorker } from "../generated/worker.js";
import { openBroker } from "./broker.js";
import { files } from "./handlers/files.js";
import { mail } from "./handlers/mail.js";
import { math } from "./handlers/math.js";
import { web } from "./handlers/web.js";

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const broker = await openBroker(process.env["CALLBOARD_BROKER"] ?? "memory:");
const { digestFile, compareDigests } = createClient(broker).files;
const worker = createWorker(
  broker,
  { files, mail, math, web },
  { queues: ["default"], logger, isolate: pathToFileURL("examples/handlers/math.ts") },
);
await worker.start();

/** The digests are computed side by side, then compared: the types fit, or it does not compile. */
const compared = (...paths: readonly [string, string]) =>
  pipeline(group(paths.map((path) => digestFile.message({ path }))), compareDigests);

const same = await compared("README.md", "README.md").send({ ttl: "1h" });
console.log(`README.md is itself: ${await same.result()}`);

// Each member's output as it comes.
const sizes = await group([digestFile.message({ path: "LICENSE" }), digestFile.message({ path: "README.md" })]).send();
const seen: string[] = [];
for await (const { index, output } of sizes.results())
  seen.push(`member ${index + 1}: ${output.size > 0 ? "read" : "empty"}`);
console.log(seen.toSorted().join(", "));

try {
  await (await compared("README.md", "absent.md").send()).result();
} catch (error) {
  if (!(error instanceof FlowFailedError)) throw error;
  console.log(`failed at ${error.step?.place}: ${error.remote.message}`);
}

// Where failures are collected, they are outputs like others.
const members = ["README.md", "absent.md"].map((path) => digestFile.message({ path }));
const outcomes = await (await group(members, { whenFailed: "collect" }).send()).result();
console.log(outcomes.map(({ status }) => status).join(", "));

await worker.stop();
await broker.close();
