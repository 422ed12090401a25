import { actor, InvalidOptionError, memoryBroker } from "callboard";
import { defineActor, type Actor, type Broker } from "callboard/client";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { OperatorContext } from "../../runtime/operations/context.js";
import { pause, resume } from "../../runtime/operations/pausing.js";
import { overviewOf } from "../../runtime/operations/queues.js";
import { workersOf } from "../../runtime/operations/workers.js";
import { message } from "../conformance/broker.js";

const define = (name: string, options: object): Actor =>
  defineActor(actor({ input: z.number(), ...options }), { name, fingerprint: "00000000" });

/** A broker that has nothing for an operator, such as a user's own. */
function bareBroker(): Broker {
  const broker = memoryBroker();
  return Object.assign(Object.create(broker) as Broker, { operations: undefined, state: undefined, name: "bare" });
}

describe("an overview", () => {
  it("shows the queues of contracts, partitions one by one, those that are used, and those that are paused", async () => {
    const broker = memoryBroker();
    const context = { broker, actors: [define("a.one", { queue: "mails", partitions: 2, partitionKey: String })] };
    await broker.publish([message(0, { queue: "used" })]);
    await pause(context, "later", "queue");
    const { queues, notes } = await overviewOf(context);
    expect(queues.map(({ queue, waiting, paused, workers }) => [queue, waiting, paused, workers])).toEqual([
      ["later", 0, true, 0],
      ["mails.0", 0, false, 0],
      ["mails.1", 0, false, 0],
      ["used", 1, false, 0],
    ]);
    expect(notes).toEqual([]);
  });

  it("tells how many messages of an actor wait for a place under its limits, in no queue", async () => {
    const broker = memoryBroker();
    const limited = define("a.limited", { concurrencyLimit: { limit: 1 } });
    const scope = { name: limited.name, ...limited.limits, reservation: 1000 };
    const place = (token: string) => ({ token, concurrencyKey: "" });
    await broker.state?.limits.acquire(scope, place("held"));
    await broker.state?.limits.acquire(scope, place("wanted"), { publication: message(0) });
    const { parked } = await overviewOf({ broker, actors: [limited, define("a.free", {})] });
    expect(parked).toEqual([{ actor: "a.limited", messages: 1 }]);
  });

  it("adds up the rates of a queue's workers, to a tenth as each says its own", async () => {
    const broker = memoryBroker();
    const work = { host: "web-1", pid: 1, uptime: 60_000, concurrency: 5 };
    for (const [id, rate] of [0.1, 0.2].entries()) {
      await broker.state?.workers.beat({ id: String(id), ...work, queues: [{ queue: "work", running: 0, rate }] });
    }
    const { queues } = await overviewOf({ broker, actors: [] });
    expect(queues).toMatchObject([{ queue: "work", workers: 2, rate: 0.3 }]);
  });

  it("says what a broker cannot tell that has no operations and no state store", async () => {
    const context: OperatorContext = { broker: bareBroker(), actors: [define("a.one", { queue: "work" })] };
    const { queues, notes } = await overviewOf(context);
    expect(queues).toEqual([{ queue: "work" }]);
    expect(notes).toEqual([
      "bare tells nothing of its queues.",
      "Without a state store it is not known which workers there are and what is paused.",
    ]);
    await expect(workersOf(context)).rejects.toThrow(InvalidOptionError);
  });
});

describe("what is paused", () => {
  const context: OperatorContext = {
    broker: memoryBroker(),
    actors: [
      define("work", { queue: "work" }),
      define("a.mail", { queue: "mails", partitions: 2, partitionKey: String }),
    ],
  };
  const queue = (name: string, changed = true) => ({ kind: "queue", name, changed });

  it("is a queue or an actor, whichever is known by the name", async () => {
    expect(await pause(context, "mails")).toEqual([queue("mails.0"), queue("mails.1")]);
    expect(await resume(context, "mails.1")).toEqual([queue("mails.1")]);
    expect(await resume(context, "mails")).toEqual([queue("mails.0"), queue("mails.1", false)]);
    expect(await pause(context, "a.mail")).toEqual([{ kind: "actor", name: "a.mail", changed: true }]);
  });

  it("has to be said where a name is both, or is not known", async () => {
    await expect(pause(context, "work")).rejects.toThrow(
      '"work" is a queue and an actor: say which is meant, --queue=work or --actor=work.',
    );
    expect(await pause(context, "work", "actor")).toEqual([{ kind: "actor", name: "work", changed: true }]);
    await expect(pause(context, "elsewhere")).rejects.toThrow(/There is no queue or actor "elsewhere"/);
    expect(await pause(context, "elsewhere", "queue")).toEqual([queue("elsewhere")]);
    // Known by its pause.
    expect(await resume(context, "elsewhere")).toEqual([queue("elsewhere")]);
  });
});
