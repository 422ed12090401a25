/** Prepares a test run: builds the package and provides a Redis and a RabbitMQ server, and ends afterwards whatever was started. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { verdictTable } from "../faults/verdict.js";
import { answers, openRun } from "./program.js";
import { startRabbitmq } from "./rabbitmq.js";
import { startRedis } from "./redis.js";

const REDIS_URL = "CALLBOARD_TEST_REDIS_URL";
const AMQP_URL = "CALLBOARD_TEST_AMQP_URL";

declare module "vitest" {
  interface ProvidedContext {
    /** The Redis server that tests share. Each test keeps to names of its own in it. */
    readonly redisUrl: string;
    /** The RabbitMQ server that tests share. Each test keeps to names of its own in it. */
    readonly rabbitmqUrl: string;
  }
}

/** vitest calls this once before all tests, and what it returns once after them. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const run = openRun();
  const started = Date.now();
  try {
    // A RabbitMQ node takes its time; it starts while the package is built.
    const [redisUrl, rabbitmqUrl] = await Promise.all([sharedRedis(), sharedRabbitmq(), build(project.config.root)]);
    project.provide("redisUrl", redisUrl);
    project.provide("rabbitmqUrl", rabbitmqUrl);
  } catch (error) {
    await run.close();
    throw error;
  }
  return async () => {
    process.stdout.write(verdictTable(started));
    await run.close();
  };
}

/** The server that the environment names, else one of our own. */
async function sharedRedis(): Promise<string> {
  const url = process.env[REDIS_URL];
  if (url === undefined) return (await startRedis()).url;
  return answering(url, REDIS_URL, 6379);
}

/** The server that the environment names, else a node of our own. */
async function sharedRabbitmq(): Promise<string> {
  const url = process.env[AMQP_URL];
  return url === undefined ? (await startRabbitmq()).url : answering(url, AMQP_URL, 5672);
}

async function answering(url: string, variable: string, usualPort: number): Promise<string> {
  const { hostname, port } = new URL(url);
  if (await answers(Number(port || usualPort), { host: hostname })) return url;
  throw new Error(`${variable} names a server that does not answer: ${hostname}:${port || usualPort}.`);
}

/** Some tests use the package as its users do: as built files. Type errors are for `npm run check` to report. */
async function build(root: string): Promise<void> {
  const run = (script: string) => promisify(execFile)("npm", ["run", "--silent", script], { cwd: root });
  try {
    await run("bundle");
  } catch (error) {
    throw new Error(`The package does not build.\n${(error as { stderr?: string }).stderr ?? String(error)}`);
  }
  await run("declarations").catch(() => process.stdout.write("Test set-up: there are type errors; npm run types.\n"));
}
