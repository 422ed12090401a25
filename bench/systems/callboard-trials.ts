/** What Callboard does beyond single messages, as its users have it: pipelines, groups, progress, threads, schedules. */
import { actor, type ActorOptions, type Signature } from "callboard";
import { createActorClient, defineActor, group, pipeline, type Actor, type ActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker, type IsolateOptions } from "callboard/worker";
import { z } from "zod";
import { orders, orderSchema, type Order } from "../order.js";
import type { OpenTrial, Place } from "../system.js";
import { silent } from "./callboard.js";
import { Endings, REPORTS, SCHEDULES, Ticks } from "./endings.js";

/** Takes an order and gives it on. */
type Step = { readonly input: Order; readonly output: Order };
/** Takes an order. */
type Plain = { readonly input: Order };
/** Takes an order and tells how far it is. */
type Reporting = { readonly input: Order; readonly progress: { readonly done: number } };

const answering = { input: orderSchema, output: orderSchema };

function named<S extends Signature>(name: string, options: ActorOptions): Actor<S> {
  return defineActor<S>(actor(options), { name: `shop.${name}`, fingerprint: "00000000" });
}

interface Shop<S extends Signature> {
  readonly actors: Readonly<Record<string, Actor<S>>>;
  readonly handlers: Readonly<Record<string, (order: Order, task: ReportingTask) => unknown>>;
  readonly isolate?: IsolateOptions;
}

/** What a handler is given that tells of its progress. */
interface ReportingTask {
  progress(value: { done: number }): void;
}

/** A worker at work, and clients of its actors. */
async function open<S extends Signature>({ url, prefix }: Place, { actors, handlers, isolate }: Shop<S>) {
  const broker = redisBroker(url, { prefix });
  const options = { concurrency: 100, logger: silent, ...(isolate !== undefined && { isolate }) };
  const worker = createWorker(broker, { shop: actors }, { shop: handlers }, options);
  await worker.start();
  return {
    client: (name: string): ActorClient<Actor<S>> => {
      const known = actors[name];
      if (known === undefined) throw new Error(`There is no actor ${name}.`);
      return createActorClient(broker, known);
    },
    async close() {
      await worker.stop();
      await broker.close();
    },
  };
}

const same = (order: Order): Order => order;

/** Three steps, each given what the one before it gave. */
export const pipelineOfThree: OpenTrial = async (place) => {
  const endings = new Endings();
  const last = (order: Order) => {
    endings.end(order.id);
    return order;
  };
  const { client, close } = await open<Step>(place, {
    actors: { first: named("first", answering), second: named("second", answering), third: named("third", answering) },
    handlers: { first: same, second: same, third: last },
  });
  const next = orders();
  const [first, second, third] = [client("first"), client("second"), client("third")];
  return {
    async one() {
      const order = next();
      const ended = endings.of(order.id);
      await pipeline(first.message(order), second, third).send();
      return ended;
    },
    close,
  };
};

/** The same by hand: each handler sends the next message. */
export const threeMessages: OpenTrial = async (place) => {
  const endings = new Endings();
  const input = { input: orderSchema };
  const { client, close } = await open<Plain>(place, {
    actors: { first: named("first", input), second: named("second", input), third: named("third", input) },
    handlers: {
      first: (order): Promise<unknown> => second.send(order),
      second: (order): Promise<unknown> => third.send(order),
      third: ({ id }) => endings.end(id),
    },
  });
  const [first, second, third] = [client("first"), client("second"), client("third")];
  const next = orders();
  return {
    async one() {
      const order = next();
      const ended = endings.of(order.id);
      await first.send(order);
      return ended;
    },
    close,
  };
};

/** One actor that answers. */
const answeringShop = (): Shop<Step> => ({
  actors: { step: named("step", answering) },
  handlers: { step: same },
});

/** Ten members side by side, whose answers are awaited as a whole. */
export const groupOfTen: OpenTrial = async (place) => {
  const { client, close } = await open(place, answeringShop());
  const step = client("step");
  const next = orders();
  return {
    async one() {
      const sent = await group(tenOf(() => step.message(next()))).send();
      return sent.result();
    },
    close,
  };
};

/** The same by hand: ten calls at once. */
export const tenCalls: OpenTrial = async (place) => {
  const { client, close } = await open(place, answeringShop());
  const step = client("step");
  const next = orders();
  return { one: () => Promise.all(tenOf(() => step.call(next()))), close };
};

function tenOf<T>(make: () => T): readonly [T, ...T[]] {
  return [make(), ...Array.from({ length: 9 }, make)];
}

const reporting =
  (count: number): OpenTrial =>
  async (place) => {
    const endings = new Endings();
    const { client, close } = await open<Reporting>(place, {
      actors: { work: named("work", { input: orderSchema, progress: z.object({ done: z.number() }) }) },
      handlers: {
        work({ id }, task) {
          for (let done = 1; done <= count; done++) task.progress({ done });
          endings.end(id);
        },
      },
    });
    const work = client("work");
    const next = orders();
    return {
      async one() {
        const order = next();
        const ended = endings.of(order.id);
        await work.send(order);
        return ended;
      },
      close,
    };
  };

/** Messages that could tell of their progress, and do not. */
export const noReports = reporting(0);
/** Messages that tell of it a thousand times. */
export const reports = reporting(REPORTS);

const calling =
  (isolate: boolean): OpenTrial =>
  async (place) => {
    const { client, close } = await open<Step>(place, {
      actors: { step: named("step", { ...answering, isolate }) },
      handlers: { step: same },
      ...(isolate && { isolate: { handlers: new URL("./isolated.js", import.meta.url) } }),
    });
    const step = client("step");
    const next = orders();
    return { one: () => step.call(next()), close };
  };

/** A call whose handler runs in the worker's own thread. */
export const call = calling(false);
/** A call whose handler runs in a thread beside it. */
export const callOfThread = calling(true);

/** Schedules that are all due with each second: how late their handlers begin. */
export const ticks: OpenTrial = async (place) => {
  const coming = new Ticks(SCHEDULES);
  const { client, close } = await open<Plain>(place, {
    actors: { tick: named("tick", { input: orderSchema }) },
    handlers: { tick: coming.come },
  });
  const input = orders()();
  const schedules = Array.from({ length: SCHEDULES }, (_, i) =>
    client("tick").schedule(`every-second-${i}`, { cron: "* * * * * *", input }),
  );
  await Promise.all(schedules);
  return { one: () => coming.next(), close };
};
