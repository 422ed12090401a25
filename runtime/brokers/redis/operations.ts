/** What an operator asks of the Redis broker. */
import type { Operations, QueueStats } from "../../seams/operations.js";
import type { RedisConnection } from "./connection.js";
import { queueKeys } from "./keys.js";
import type { QueueRegister } from "./queue-register.js";
import { scripts } from "./scripts.js";

/** How the parts of it reach the server. */
export interface RedisOperationsContext {
  readonly prefix: string;
  readonly connection: RedisConnection;
  readonly register: QueueRegister;
  /** How long the server may take to answer, in milliseconds. */
  readonly timeout: number;
}

export class RedisOperations implements Operations {
  readonly limits = [];
  readonly #context: RedisOperationsContext;

  constructor(context: RedisOperationsContext) {
    this.#context = context;
  }

  async queues(): Promise<readonly string[]> {
    const { connection, register, timeout } = this.#context;
    return (await connection.within(timeout, register.list())).toSorted();
  }

  async stats(queue: string): Promise<QueueStats> {
    const { prefix, connection, timeout } = this.#context;
    const { delayed, consumers, allReady, suspects, deadIndex, running } = queueKeys(prefix, queue);
    const lane = [delayed, consumers, ...allReady];
    const ofSuspects = [suspects.delayed, suspects.consumers, ...suspects.allReady];
    const answer = connection.run(
      scripts.stats,
      [...lane, ...ofSuspects, deadIndex],
      [running(""), suspects.running("")],
    );
    const [waiting, held, hands, dead, apart, oldestAge, nextDue] = await connection.within(timeout, answer);
    return {
      waiting: waiting.reduce((total, count) => total + count, 0),
      waitingByPriority: waiting.toReversed(),
      delayed: held,
      running: hands,
      dead,
      suspects: apart,
      oldestAge: oldestAge === -1 ? null : oldestAge,
      nextDue: nextDue === -1 ? null : nextDue,
    };
  }
}
