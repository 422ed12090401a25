/** Partitions of a queue: queues of their own, between which its messages are shared out by key. */

/** The most partitions that a queue may have. */
export const MOST_PARTITIONS = 64;

/** The queues that a queue is made of: `mails.0` to `mails.7`, or itself where it is not partitioned. */
export function partitionsOf(queue: string, partitions: number): readonly string[] {
  return partitions === 1 ? [queue] : Array.from({ length: partitions }, (_, i) => `${queue}.${i}`);
}

/** An actor, as far as it concerns its queue. */
export interface QueueUser {
  readonly name: string;
  readonly options: { readonly queue: string; readonly partitions: number };
}

/** What actors say of their queues that cannot all be true: each with the actor that came later. */
export function findDisagreements<A extends QueueUser>(
  actors: readonly A[],
): readonly { readonly actor: A; readonly message: string }[] {
  const first = new Map<string, A>();
  for (const actor of actors) {
    if (!first.has(actor.options.queue)) first.set(actor.options.queue, actor);
  }
  const owners = new Map<string, A>();
  for (const [queue, actor] of first) {
    if (actor.options.partitions === 1) continue;
    for (const partition of partitionsOf(queue, actor.options.partitions)) owners.set(partition, actor);
  }
  return actors.flatMap((actor) => {
    const { queue, partitions } = actor.options;
    const other = first.get(queue);
    const owner = owners.get(queue);
    if (other !== undefined && other.options.partitions !== partitions) {
      const theirs = count(other.options.partitions);
      const message = `The queue "${queue}" has ${count(partitions)} for ${actor.name} and ${theirs} for ${other.name}.`;
      return [{ actor, message }];
    }
    if (owner === undefined) return [];
    const message = `"${queue}" is the name of a partition of "${owner.options.queue}", the queue of ${owner.name}.`;
    return [{ actor, message }];
  });
}

function count(partitions: number): string {
  return partitions === 1 ? "no partitions" : `${partitions} partitions`;
}
