/** BullMQ, as its documentation sets it up; finished jobs are removed at once, as Callboard keeps none either. */
import { Queue, QueueEvents, Worker, type JobsOptions } from "bullmq";
import { renumber, type Order, type Payload } from "../order.js";
import type { Place, Session, Setting, System, Work, Working } from "../system.js";

export const bullmq: System = {
  pace: 18_000,
  async open(place, setting) {
    const session = new BullmqSession(place, setting);
    await session.ready();
    return session;
  },
};

/** `waitUntilFinished` looks at the job once more: removed at once, it would sometimes be gone too early. */
const CALLED_JOBS_KEPT = 1000;

class BullmqSession implements Session {
  readonly #queues: readonly Queue<Order, boolean>[];
  readonly #events?: QueueEvents;
  readonly #options: { readonly connection: ReturnType<typeof connectionTo>; readonly prefix: string };
  readonly #job: JobsOptions;
  readonly #limiter?: { readonly max: number; readonly duration: number };
  /** Where each job has a key of its own, each order has an id of its own. */
  readonly #number?: (order: Order) => Order;
  #next = 0;

  constructor(
    { url, prefix }: Place,
    { queues = 1, answers = false, keep = false, unique = false, rateLimit }: Setting,
  ) {
    this.#options = { connection: connectionTo(url), prefix };
    this.#queues = Array.from({ length: queues }, (_, i) => new Queue<Order, boolean>(`queue${i}`, this.#options));
    if (answers && !keep) this.#events = new QueueEvents("queue0", this.#options);
    // Each job that is waited for listens to both.
    this.#events?.setMaxListeners(0);
    for (const queue of this.#queues) queue.setMaxListeners(0);
    const removeOnComplete = keep ? false : answers ? { count: CALLED_JOBS_KEPT } : true;
    this.#job = { removeOnComplete };
    if (rateLimit !== undefined) this.#limiter = { max: 1_000_000, duration: 1000 };
    if (unique) this.#number = renumber(Infinity);
  }

  async ready(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.waitUntilReady()));
    await this.#events?.waitUntilReady();
  }

  send({ order }: Payload): Promise<unknown> {
    const { data, opts } = this.#jobOf(order);
    return this.#queue().add("ship", data, opts);
  }

  sendMany(payloads: readonly Payload[], { delay }: { readonly delay?: number } = {}): Promise<unknown> {
    const held = delay === undefined ? {} : { delay };
    const jobs = payloads.map(({ order }) => {
      const { data, opts } = this.#jobOf(order);
      return { name: "ship", data, opts: { ...opts, ...held } };
    });
    return this.#queue().addBulk(jobs);
  }

  #jobOf(order: Order): { readonly data: Order; readonly opts: JobsOptions } {
    if (this.#number === undefined) return { data: order, opts: this.#job };
    const data = this.#number(order);
    return { data, opts: { ...this.#job, deduplication: { id: data.id } } };
  }

  async call({ order }: Payload): Promise<unknown> {
    if (this.#events === undefined) throw new Error("This session does not call.");
    const job = await this.#queue().add("check", order, this.#job);
    return job.waitUntilFinished(this.#events);
  }

  async work({ concurrency, handle }: Work): Promise<Working> {
    const each = Math.max(1, Math.round(concurrency / this.#queues.length));
    const process = async ({ data }: { readonly data: Order }) => {
      handle(data);
      return true;
    };
    const limited = this.#limiter === undefined ? {} : { limiter: this.#limiter };
    const workers = this.#queues.map(
      ({ name }) => new Worker<Order, boolean>(name, process, { ...this.#options, ...limited, concurrency: each }),
    );
    for (const worker of workers) worker.on("error", (error) => console.error(error));
    await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    return { stop: async () => void (await Promise.all(workers.map((worker) => worker.close()))) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.map((queue) => queue.close()), this.#events?.close()]);
  }

  #queue(): Queue<Order, boolean> {
    const queue = this.#queues[this.#next++ % this.#queues.length];
    if (queue === undefined) throw new Error("A session has at least one queue.");
    return queue;
  }
}

/** How its connections are made. */
export function connectionTo(url: string) {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}
