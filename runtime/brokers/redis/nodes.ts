/** The nodes of a Redis Cluster that are known: those that a person named, and those that the cluster told of. */

/** Where one node is. */
export interface RedisNode {
  readonly host: string;
  /** Default: 6379. */
  readonly port?: number | undefined;
}

export class ClusterNodes {
  readonly seeds: readonly RedisNode[];
  readonly #found = new Map<string, RedisNode>();
  readonly #listeners = new Set<() => void>();
  // Not every process begins with the same node.
  #turn = Math.floor(Math.random() * 1000);

  constructor(seeds: readonly RedisNode[]) {
    this.seeds = seeds;
  }

  /** Learns of a node. */
  found(node: RedisNode): void {
    this.#found.set(nodeName(node), node);
  }

  /** Learns that a node is gone; one that a person named is tried again all the same. */
  left(node: RedisNode): void {
    this.#found.delete(nodeName(node));
    for (const told of this.#listeners) told();
  }

  /** Calls back each time a node is gone, or does not answer. */
  whenLeft(told: () => void): void {
    this.#listeners.add(told);
  }

  /** Some node, another one each time. */
  next(): { readonly host: string; readonly port: number } {
    const nodes = [...this.#found.values(), ...this.seeds];
    const { host, port = 6379 } = nodes[this.#turn++ % nodes.length] ?? { host: "localhost" };
    return { host, port };
  }
}

/** A node for people: `host:port`. */
export function nodeName({ host, port = 6379 }: RedisNode): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
