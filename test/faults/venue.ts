/** A server under test, in the few words that scenarios use for Redis and RabbitMQ alike. */
import type { DeadLetter } from "../../runtime/seams/broker.js";
import type { RabbitmqServer } from "../setup/rabbitmq.js";
import type { RedisServer } from "../setup/redis.js";
import { QUEUE } from "./actors.js";
import { openBroker, type BrokerPlan } from "./plan.js";

/** What a scenario may do to a server. */
export type Server = Pick<RedisServer | RabbitmqServer, "kill" | "restart" | "pause" | "resume">;

/** Where messages are: waiting, held back, in a worker's hands, or dead. */
export type Place = "queue" | "delayed" | "held" | "dead";

/** A server, and a part of it that belongs to one scenario. */
export interface Venue {
  readonly kind: BrokerPlan["kind"];
  readonly server: Server;
  /** The server of the state store, where that is another one. */
  readonly store: Server | undefined;
  /** How processes connect to it. */
  readonly plan: BrokerPlan;
  /** The messages of a killed worker, and of one that says nothing, are in other hands after so many milliseconds. */
  readonly recovery: { readonly killed: number; readonly silent: number };
  /** Waits until the server would come back from a kill with the queues that were declared. */
  settle(): Promise<void>;
  /** How much memory the server uses, in bytes, once it has cleaned up. */
  memory(): Promise<number>;
  /** The ids of the messages that are waiting, held back or held, as often as they are there. */
  leftovers(): Promise<readonly string[]>;
  /** Waits until those who were killed are forgotten. Somebody has to live for that. */
  forgetTheDead(): Promise<void>;
  /** What workers left behind on the server, besides messages and results: it should be nothing once all have stopped. */
  debris(): Promise<readonly string[]>;
  deadLetters(): Promise<readonly DeadLetter[]>;
  /** Where `inject` can put bytes. */
  readonly places: readonly Place[];
  /** Puts bytes where Callboard will read them, as a foreign program would. */
  inject(place: Place, bytes: Buffer): Promise<void>;
  /** Puts bytes where a process awaits the result of a message. */
  answer(address: string, id: string, bytes: Buffer): Promise<void>;
  /** Forgets everything of this scenario. */
  close(): Promise<void>;
}

/** A server on which scenarios are played one after the other. */
export interface Theatre {
  readonly kind: BrokerPlan["kind"];
  /** Opens a venue; `stateful` where its scenario needs a state store. */
  open(name: string, stateful?: boolean): Promise<Venue>;
  close(): Promise<void>;
}

/** The id that an envelope says, or all of it where it says none. */
export function idOf(body: string): string {
  try {
    const { id } = JSON.parse(body) as { readonly id?: unknown };
    return typeof id === "string" ? id : body;
  } catch {
    return body;
  }
}

/** The dead letters of the suite's queue. */
export async function deadLettersOf(plan: BrokerPlan): Promise<readonly DeadLetter[]> {
  const broker = openBroker(plan);
  try {
    return await broker.deadLetters.list(QUEUE, { limit: 100_000 });
  } finally {
    await broker.close();
  }
}
