/** bee-queue, with what its documentation recommends for speed: no events that nobody listens to, finished jobs removed. */
import BeeQueue from "bee-queue";
import type { Order, Payload } from "../order.js";
import type { Place, Session, Setting, System, Work, Working } from "../system.js";

export const beeQueue: System = {
  pace: 20_000,
  async open(place, setting) {
    const queues = Array.from({ length: setting.queues ?? 1 }, (_, i) => queueOf(`queue${i}`, place, setting));
    await Promise.all(queues.map((queue) => queue.ready()));
    return new BeeSession(queues, place, setting);
  },
};

function queueOf(name: string, { url, prefix }: Place, setting: Setting, isWorker = false): BeeQueue<Order> {
  const { answers = false, keep = false } = setting;
  const events = answers && !keep;
  const { hostname: host, port } = new URL(url);
  const queue = new BeeQueue<Order>(name, {
    prefix,
    redis: { host, port: Number(port) },
    isWorker,
    getEvents: events && !isWorker,
    sendEvents: events && isWorker,
    storeJobs: events && !isWorker,
    removeOnSuccess: !keep,
  });
  // While it closes, it complains of what it had asked for.
  queue.on("error", (error) => queue.isRunning() && console.error(error));
  return queue;
}

class BeeSession implements Session {
  readonly #queues: readonly BeeQueue<Order>[];
  readonly #place: Place;
  readonly #setting: Setting;
  #next = 0;

  constructor(queues: readonly BeeQueue<Order>[], place: Place, setting: Setting) {
    this.#queues = queues;
    this.#place = place;
    this.#setting = setting;
  }

  send({ order }: Payload): Promise<unknown> {
    return this.#queue().createJob(order).save();
  }

  async sendMany(payloads: readonly Payload[]): Promise<unknown> {
    const queue = this.#queue();
    return queue.saveAll(payloads.map(({ order }) => queue.createJob(order)));
  }

  call({ order }: Payload): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const job = this.#queue().createJob(order);
      job.on("succeeded", resolve);
      job.on("failed", reject);
      job.save().catch(reject);
    });
  }

  async work({ concurrency, handle }: Work): Promise<Working> {
    const each = Math.max(1, Math.round(concurrency / this.#queues.length));
    const workers = this.#queues.map(({ name }) => queueOf(name, this.#place, this.#setting, true));
    await Promise.all(workers.map((worker) => worker.ready()));
    for (const worker of workers) {
      worker.process(each, async ({ data }) => {
        handle(data);
        return true;
      });
    }
    return { stop: async () => void (await Promise.all(workers.map((worker) => worker.close(5000)))) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close(5000)));
  }

  #queue(): BeeQueue<Order> {
    const queue = this.#queues[this.#next++ % this.#queues.length];
    if (queue === undefined) throw new Error("A session has at least one queue.");
    return queue;
  }
}
