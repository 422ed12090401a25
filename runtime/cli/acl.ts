/** `callboard acl`: prints the users that a broker's server needs, each with the least rights. */
import { defineCommand } from "citty";
import { rabbitmqUsers } from "../brokers/rabbitmq/rights.js";
import { redisUsers } from "../brokers/redis/rights.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import type { ServerUser } from "../seams/rights.js";
import { UsageError } from "./exit.js";
import { printJson } from "./json.js";

/** The subcommand. */
export const acl = defineCommand({
  meta: { name: "acl", description: "Prints the users that a server needs, each with the least rights" },
  args: {
    broker: { type: "string", valueHint: "name", description: "redis or rabbitmq" },
    prefix: { type: "string", valueHint: "text", description: "The broker's prefix (default: callboard)" },
    vhost: { type: "string", valueHint: "name", description: "RabbitMQ's virtual host (default: /)" },
    json: { type: "boolean", description: "Print the users as JSON" },
  },
  run({ args: { broker, prefix, vhost, json = false } }) {
    const users = usersOf(broker, prefix, vhost);
    if (json) return printJson({ users });
    for (const { command } of users) console.log(command);
    console.error(broker === "redis" ? REDIS_HINT : RABBITMQ_HINT);
  },
});

const REDIS_HINT =
  "Pipe these lines into redis-cli. A new user is off and has no password until you say: " +
  "ACL SETUSER <name> on ><password>. Keep them with ACL SAVE or CONFIG REWRITE.";
const RABBITMQ_HINT = "Make the users first: rabbitmqctl add_user <name>. It asks for the password.";

function usersOf(
  broker: string | undefined,
  prefix: string | undefined,
  vhost: string | undefined,
): readonly ServerUser[] {
  try {
    if (broker === "rabbitmq") return rabbitmqUsers(prefix, vhost);
    if (broker !== "redis") throw new UsageError("Name the broker: --broker=redis or --broker=rabbitmq.");
    if (vhost !== undefined) throw new UsageError("--vhost is for RabbitMQ alone.");
    return redisUsers(prefix);
  } catch (error) {
    throw error instanceof InvalidOptionError ? new UsageError(error.message) : error;
  }
}
