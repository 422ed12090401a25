/** What BullMQ does beyond single jobs, as its documentation sets it up: flows, progress, sandboxes, schedulers. */
import { FlowProducer, Queue, QueueEvents, Worker, type Job, type WorkerOptions } from "bullmq";
import { orders, type Order } from "../order.js";
import { Endings, REPORTS, SCHEDULES, Ticks } from "../systems/endings.js";
import type { OpenTrial, Place } from "../system.js";
import { connectionTo } from "./bullmq.js";

type Processor = (job: Job<Order, Order>) => Promise<Order>;

const removed = { removeOnComplete: true };
/** `waitUntilFinished` looks at the job once more. */
const KEPT = { removeOnComplete: { count: 1000 } };

/** Queues, each with its worker. */
class Shop {
  readonly #options: { readonly connection: ReturnType<typeof connectionTo>; readonly prefix: string };
  readonly #open: { close(): Promise<unknown> }[] = [];

  constructor({ url, prefix }: Place) {
    this.#options = { connection: connectionTo(url), prefix };
  }

  async queue(name: string): Promise<Queue<Order, Order>> {
    const queue = new Queue<Order, Order>(name, this.#options);
    queue.setMaxListeners(0);
    this.#open.push(queue);
    await queue.waitUntilReady();
    return queue;
  }

  /** A processor as a function, or as the file that a sandbox loads. */
  async worker(name: string, processor: Processor | URL, options: Partial<WorkerOptions> = {}): Promise<void> {
    const worker = new Worker<Order, Order>(name, processor, { ...this.#options, concurrency: 100, ...options });
    worker.on("error", (error) => console.error(error));
    this.#open.push(worker);
    await worker.waitUntilReady();
  }

  async events(name: string): Promise<QueueEvents> {
    const events = new QueueEvents(name, this.#options);
    events.setMaxListeners(0);
    this.#open.push(events);
    await events.waitUntilReady();
    return events;
  }

  async flows(): Promise<FlowProducer> {
    const flows = new FlowProducer(this.#options);
    this.#open.push(flows);
    await flows.waitUntilReady();
    return flows;
  }

  /** A job of a flow. */
  job(queueName: string, data: Order) {
    return { name: "step", queueName, data, prefix: this.#options.prefix, opts: removed };
  }

  readonly close = async (): Promise<void> => {
    for (const each of this.#open.toReversed()) await each.close();
  };
}

const same: Processor = async ({ data }) => data;

/** A job with a child that has a child: the innermost is worked on first. */
export const flowOfThree: OpenTrial = async (place) => {
  const shop = new Shop(place);
  const endings = new Endings();
  const flows = await shop.flows();
  await shop.worker("first", same);
  await shop.worker("second", same);
  await shop.worker("third", async ({ data }) => {
    endings.end(data.id);
    return data;
  });
  const next = orders();
  return {
    async one() {
      const order = next();
      const ended = endings.of(order.id);
      const second = { ...shop.job("second", order), children: [shop.job("first", order)] };
      await flows.add({ ...shop.job("third", order), children: [second] });
      return ended;
    },
    close: shop.close,
  };
};

/** The same by hand: each processor adds the next job. */
export const threeJobs: OpenTrial = async (place) => {
  const shop = new Shop(place);
  const endings = new Endings();
  const [first, second, third] = [await shop.queue("first"), await shop.queue("second"), await shop.queue("third")];
  await shop.worker("first", async ({ data }) => (await second.add("step", data, removed)).data);
  await shop.worker("second", async ({ data }) => (await third.add("step", data, removed)).data);
  await shop.worker("third", async ({ data }) => {
    endings.end(data.id);
    return data;
  });
  const next = orders();
  return {
    async one() {
      const order = next();
      const ended = endings.of(order.id);
      await first.add("step", order, removed);
      return ended;
    },
    close: shop.close,
  };
};

/** A job with ten children, which reads what they gave. */
export const flowOfTen: OpenTrial = async (place) => {
  const shop = new Shop(place);
  const endings = new Endings();
  const flows = await shop.flows();
  await shop.worker("member", same);
  await shop.worker("whole", async (job) => {
    await job.getChildrenValues();
    endings.end(job.data.id);
    return job.data;
  });
  const next = orders();
  return {
    async one() {
      const order = next();
      const ended = endings.of(order.id);
      const children = Array.from({ length: 10 }, () => shop.job("member", next()));
      await flows.add({ ...shop.job("whole", order), children });
      return ended;
    },
    close: shop.close,
  };
};

/** Jobs of one queue that are waited for. */
async function waiting(place: Place, processor: Processor | URL, options?: Partial<WorkerOptions>) {
  const shop = new Shop(place);
  const queue = await shop.queue("step");
  const events = await shop.events("step");
  await shop.worker("step", processor, options);
  const next = orders();
  const one = async () => (await queue.add("step", next(), KEPT)).waitUntilFinished(events);
  return { one, close: shop.close };
}

/** Ten jobs at once, each waited for. */
export const tenJobs: OpenTrial = async (place) => {
  const { one, close } = await waiting(place, same);
  return { one: () => Promise.all(Array.from({ length: 10 }, one)), close };
};

/** A job that is waited for, whose processor runs in a thread. */
export const jobOfThread: OpenTrial = (place) =>
  waiting(place, new URL("./sandboxed.js", import.meta.url), { useWorkerThreads: true, concurrency: 2 });

const reporting =
  (count: number): OpenTrial =>
  async (place) => {
    const shop = new Shop(place);
    const endings = new Endings();
    const queue = await shop.queue("work");
    await shop.worker("work", async (job) => {
      for (let done = 1; done <= count; done++) await job.updateProgress({ done });
      endings.end(job.data.id);
      return job.data;
    });
    const next = orders();
    return {
      async one() {
        const order = next();
        const ended = endings.of(order.id);
        await queue.add("work", order, removed);
        return ended;
      },
      close: shop.close,
    };
  };

/** Jobs that do not tell of their progress. */
export const noReports = reporting(0);
/** Jobs that tell of it a thousand times. */
export const reports = reporting(REPORTS);

/** Schedulers that are all due with each second: how late their processors begin. */
export const ticks: OpenTrial = async (place) => {
  const shop = new Shop(place);
  const coming = new Ticks(SCHEDULES);
  const queue = await shop.queue("tick");
  await shop.worker("tick", async ({ data }) => {
    coming.come();
    return data;
  });
  const template = { name: "tick", data: orders()(), opts: removed };
  const schedulers = Array.from({ length: SCHEDULES }, (_, i) =>
    queue.upsertJobScheduler(`every-second-${i}`, { pattern: "* * * * * *" }, template),
  );
  await Promise.all(schedulers);
  return { one: () => coming.next(), close: shop.close };
};
