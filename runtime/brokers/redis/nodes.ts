/** The nodes of a Redis Cluster that are known: those that a person named, and those that the cluster told of. */

/** Where one node is. */
export interface RedisNode {
  readonly host: string;
  /** Default: 6379. */
  readonly port?: number | undefined;
}

/** For how long no node has to have left before others are said to be in their places, in milliseconds. */
const CALM = 1000;

export class ClusterNodes {
  readonly seeds: readonly RedisNode[];
  readonly #found = new Map<string, RedisNode>();
  readonly #listeners = new Set<() => void>();
  #calm: NodeJS.Timeout | undefined;
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
    clearTimeout(this.#calm);
    this.#calm = setTimeout(() => this.#listeners.forEach((told) => told()), CALM);
    this.#calm.unref();
  }

  /** Calls back after nodes have left, once no further one does. */
  whenLeft(told: () => void): void {
    this.#listeners.add(told);
  }

  /** Whether a node is one that the cluster told of; it may be while it has told of none. */
  has(node: RedisNode): boolean {
    return this.#found.size === 0 || this.#found.has(nodeName(node));
  }

  /**
   * Some node, another one each time. `attempt`: how many were tried in a row. One that a person named may have been taken
   * out of the cluster: its turn comes when all that the cluster told of were tried.
   */
  next(attempt = 1): { readonly host: string; readonly port: number } {
    const found = [...this.#found.values()];
    const nodes = attempt <= found.length ? found : [...found, ...this.seeds];
    const { host, port = 6379 } = nodes[this.#turn++ % nodes.length] ?? { host: "localhost" };
    return { host, port };
  }
}

/** A node for people: `host:port`. */
export function nodeName({ host, port = 6379 }: RedisNode): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
