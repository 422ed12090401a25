/** The users that a RabbitMQ server needs for Callboard, each with the least rights. */
import type { Role, ServerUser } from "../../seams/rights.js";
import { checkPrefix } from "./names.js";

/** Every kind of name that the broker uses, as a regular expression for what follows the prefix. */
const LANES = ":[^:]+(:[0-9])?";
const SUSPECTS = ":[^:]+:suspects";
const DEAD = ":[^:]+:dead";
const LADDER = "::(delay:[0-9]+|due|stray)";
const REPLIES = "::reply:.+";
/** The exchange by which a message reaches a queue by its name, as the server calls it. */
const DEFAULT_EXCHANGE = "amq\\.default";

/** What one role may do with which names: declare them; send and bind to them; take from them and bind them to others. */
interface Rights {
  readonly configure: readonly string[];
  readonly write: readonly string[];
  readonly read: readonly string[];
}

const roles: Readonly<Record<Role, Rights>> = {
  producer: {
    configure: [LANES, LADDER, REPLIES],
    write: [LANES, LADDER],
    read: [LADDER, REPLIES],
  },
  worker: {
    configure: [LANES, SUSPECTS, LADDER, DEAD],
    write: [LANES, LADDER],
    read: [LANES, SUSPECTS, LADDER],
  },
  operator: {
    configure: [LANES, LADDER, DEAD],
    write: [LANES, LADDER],
    read: [LADDER, DEAD],
  },
};

/** A RabbitMQ user with the least rights, in one virtual host. */
export interface RabbitmqUser extends ServerUser {
  readonly vhost: string;
  /** Regular expressions, as the server takes them. */
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** The users for one prefix and virtual host, as `rabbitmqctl set_permissions` gives them their rights. They must exist. */
export function rabbitmqUsers(givenPrefix?: string, vhost = "/"): readonly RabbitmqUser[] {
  const prefix = checkPrefix(givenPrefix);
  const literal = prefix.replaceAll(".", "\\.");
  const pattern = (names: readonly string[], ...others: readonly string[]) =>
    `^(${[`${literal}(${names.join("|")})`, ...others].join("|")})$`;
  return Object.entries(roles).map(([role, rights]) => {
    const name = `${prefix}-${role}`;
    const configure = pattern(rights.configure);
    const write = pattern(rights.write, DEFAULT_EXCHANGE);
    const read = pattern(rights.read);
    const command = ["rabbitmqctl set_permissions -p", ...[vhost, name, configure, write, read].map(quote)].join(" ");
    return { role: role as Role, name, vhost, configure, write, read, command };
  });
}

/** A word as a shell takes it, whatever is in it. */
function quote(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
