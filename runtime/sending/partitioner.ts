/** Chooses the partition of each message: the same one for the same key, or each in turn. */
import { crc32 } from "node:zlib";
import type { Actor } from "../actor.js";
import { InvalidInputError } from "../vocabulary/errors.js";
import { KEY_RULE, keyOf } from "../vocabulary/key.js";
import { partitionsOf } from "../vocabulary/partitions.js";

/** Tells which queue a message with this input goes to; `claimed` decides where the contract names no key. */
export type Partitioner = (input: unknown, claimed?: string) => string;

/** What is known of an actor whose messages have partitions. */
export interface Partitioned {
  readonly name: string;
  readonly options: Pick<Actor["options"], "queue" | "partitions">;
  readonly partitionKey: Actor["partitionKey"];
}

/** The partitioner of an actor's messages. */
export function createPartitioner({ name, options, partitionKey }: Partitioned): Partitioner {
  const [only, ...others] = partitionsOf(options.queue, options.partitions);
  if (only === undefined || others.length === 0) return () => options.queue;
  const queues = [only, ...others];
  const nth = (n: number) => queues[n % queues.length] ?? only;
  if (partitionKey === undefined) {
    // Producers that send one message and end do not all begin with the same one.
    let turn = Math.floor(Math.random() * queues.length);
    return (_, claimed) => nth(claimed === undefined ? turn++ : crc32(claimed));
  }
  return (input) => nth(crc32(keyText(name, partitionKey, input)));
}

function keyText(actor: string, partitionKey: (input: unknown) => unknown, input: unknown): string {
  const key = keyOf(partitionKey, input);
  if (key.fault === undefined) return key.text;
  throw new InvalidInputError(actor, [{ path: "", message: `its "partitionKey" ${KEY_RULE}; it ${key.fault}` }]);
}
