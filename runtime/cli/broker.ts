/** Opens the broker that a person named: by a URL, whose scheme says which kind it is, or by a file that exports it. */
import type { ArgsDef } from "citty";
import { readBrokerSetting } from "../../generator/config.js";
import type { Broker } from "../seams/broker.js";
import { maskUrl } from "../support/given-options.js";
import { Failure, UsageError } from "./exit.js";
import { importModule, missingPackage, type Module } from "./module.js";

/** How a command is told where the broker is. */
export const brokerArgs = {
  url: { type: "string", valueHint: "url", description: "redis://… or amqp://… (default: CALLBOARD_URL)" },
  prefix: { type: "string", valueHint: "text", description: "The broker's prefix (default: callboard)" },
  "state-url": { type: "string", valueHint: "url", description: "For amqp: where workers keep their state, redis://…" },
  "queue-type": { type: "string", valueHint: "type", description: "For amqp: quorum or classic (default: quorum)" },
} as const satisfies ArgsDef;

/** What was said of the broker. */
export type BrokerPlace = { readonly [Name in keyof typeof brokerArgs]?: string | undefined };

/** The broker of `--url`, else of CALLBOARD_URL, else of "broker" in package.json. It connects at first use. */
export async function openBroker(place: BrokerPlace): Promise<Broker> {
  const target = place.url ?? process.env["CALLBOARD_URL"] ?? readBrokerSetting(process.cwd());
  if (target === undefined || target === "") {
    throw new UsageError(
      'Say where the broker is: --url=redis://…, the environment variable CALLBOARD_URL, or "broker" of "callboard" in package.json.',
    );
  }
  // A URL without its scheme is no file that somebody forgot.
  return target.includes(":/") || /:\d+$/.test(target) ? ofUrl(target, place) : ofFile(target, place);
}

async function ofUrl(url: string, place: BrokerPlace): Promise<Broker> {
  const prefix = place.prefix === undefined ? {} : { prefix: place.prefix };
  const scheme = /^[a-z]*/i.exec(url)?.[0].toLowerCase();
  if (scheme === "redis" || scheme === "rediss") {
    refuseOptions(place, ["state-url", "queue-type"], "is for RabbitMQ alone");
    const { redisBroker } = await loaded(import("../brokers/redis/index.js"));
    return redisBroker(url, prefix);
  }
  if (scheme === "amqp" || scheme === "amqps") {
    const { rabbitmqBroker } = await loaded(import("../brokers/rabbitmq/index.js"));
    return rabbitmqBroker(url, { ...prefix, ...queueType(place), ...(await stateOf(place, prefix)) });
  }
  throw new UsageError(`${maskUrl(url)} is no broker's URL: it must begin with redis:, rediss:, amqp: or amqps:.`);
}

async function stateOf({ "state-url": url }: BrokerPlace, prefix: { readonly prefix?: string }) {
  if (url === undefined) return {};
  const { redisState } = await loaded(import("../brokers/redis/index.js"));
  return { state: redisState(url, prefix) };
}

function queueType({ "queue-type": type }: BrokerPlace) {
  if (type === undefined) return {};
  if (type === "quorum" || type === "classic") return { queueType: type } as const;
  throw new UsageError(`--queue-type must be quorum or classic; it is "${type}".`);
}

async function ofFile(file: string, place: BrokerPlace): Promise<Broker> {
  refuseOptions(place, ["prefix", "state-url", "queue-type"], `is said in ${file}`);
  const module = await compiled(file);
  const found = new Set(Object.values(module).filter(isBroker));
  const broker = isBroker(module["default"]) ? module["default"] : [...found][0];
  if (broker !== undefined && (found.size === 1 || broker === module["default"])) return broker;
  const how = "write `export default redisBroker(...)` or `rabbitmqBroker(...)`";
  throw new Failure(`${file} exports ${found.size === 0 ? "no broker" : "several brokers"}: ${how}.`);
}

async function compiled(file: string): Promise<Module> {
  const { Compiler } = await import("./program.js");
  const placed = (await new Compiler(file).build()).place();
  try {
    return await importModule(placed.path);
  } finally {
    placed.remove();
  }
}

function refuseOptions(place: BrokerPlace, names: readonly (keyof BrokerPlace)[], why: string): void {
  const given = names.find((name) => place[name] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given} ${why}.`);
}

/** By its methods and not its class: it may come from another copy of this package. */
function isBroker(value: Module[string]): value is Broker {
  return (
    typeof value === "object" && value !== null && "publish" in value && "consume" in value && "deadLetters" in value
  );
}

/** A broker's module, whose driver may be missing. */
async function loaded<M>(loading: Promise<M>): Promise<M> {
  try {
    return await loading;
  } catch (error) {
    const missing = missingPackage(error);
    if (missing === undefined) throw error;
    throw new Failure(`The package "${missing}" is not installed: npm install ${missing}`);
  }
}
