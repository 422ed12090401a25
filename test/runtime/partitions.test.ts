/** Which partition a message goes to, and what cannot be said of a queue. */
import { InvalidInputError, InvalidOptionError, memoryBroker, type ActorOptions } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker } from "callboard/worker";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TestLogger, testActor } from "../support/actors.js";

type Mail = Actor<{ input: { user: string | number } }>;
const mail = (options: Partial<ActorOptions>): Mail =>
  testActor("mail", { input: z.object({ user: z.union([z.string(), z.number()]) }), queue: "mails", ...options });
const byUser = (input: unknown) => (input as { user: string }).user;
const client = (options: Partial<ActorOptions>) => createActorClient<Mail>(memoryBroker(), mail(options));

/** Where one message for each user goes. */
async function homes(options: Partial<ActorOptions>, users: readonly (string | number)[]): Promise<readonly string[]> {
  const sent = await client(options).sendMany(users.map((user) => ({ user })));
  return sent.map(({ queue }) => queue);
}

describe("a partitioned queue", () => {
  it("sends one key to one partition, for ever: CRC-32 of its UTF-8, modulo the partitions", async () => {
    const options = { partitions: 8, partitionKey: byUser };
    const users = ["ada", "", "grace", "Jürgen", "日本", 7, "7", "ada"];
    // As Python's zlib.crc32(key.encode()) % 8 has it.
    const expected = [0, 0, 3, 1, 4, 2, 2, 0].map((n) => `mails.${n}`);
    expect(await homes(options, users)).toEqual(expected);
  });

  it("spreads many keys evenly, for every number of partitions", async () => {
    const users = Array.from({ length: 6400 }, (_, i) => `user-${i}`);
    for (const partitions of [2, 3, 7, 8, 12, 64]) {
      const counts = new Map<string, number>();
      for (const queue of await homes({ partitions, partitionKey: byUser }, users)) {
        counts.set(queue, (counts.get(queue) ?? 0) + 1);
      }
      expect(counts.size).toBe(partitions);
      const fair = users.length / partitions;
      for (const count of counts.values()) expect(Math.abs(count - fair)).toBeLessThan(fair / 2);
    }
  });

  it("without a key takes its partitions in turn", async () => {
    const queues = await homes({ partitions: 3 }, Array.from({ length: 9 }, String));
    const [a, b, c] = queues;
    expect(new Set([a, b, c]).size).toBe(3);
    expect(queues).toEqual([a, b, c, a, b, c, a, b, c]);
  });

  it("is the queue itself where it has no partitions", async () => {
    expect(await homes({}, ["ada"])).toEqual(["mails"]);
  });

  it("sends nothing where a key is none, and says which input it was", async () => {
    for (const key of [undefined, null, {}, Number.NaN]) {
      const wrong = client({ partitions: 2, partitionKey: () => key as never });
      await expect(wrong.send({ user: "ada" })).rejects.toThrow(InvalidInputError);
      await expect(wrong.sendMany([{ user: "ada" }])).rejects.toThrow(/inputs\[0\]: its "partitionKey" must return/);
    }
    const partitionKey = () => {
      throw new RangeError("no such user");
    };
    const failing = client({ partitions: 2, partitionKey }).send({ user: "ada" });
    await expect(failing).rejects.toThrow(/its "partitionKey" must .*; it threw RangeError: no such user/);
  });

  it("is one to all of its actors: a client and a worker refuse what disagrees", () => {
    const broker = memoryBroker();
    const actor = (name: string, options: Partial<ActorOptions>) =>
      testActor<{ input: string }>(name, { input: z.string(), queue: "mails", ...options });
    const [four, eight, inside] = [
      actor("four", { partitions: 4 }),
      actor("eight", { partitions: 8 }),
      actor("inside", { queue: "mails.3" }),
    ];
    createActorClient(broker, four);
    createActorClient(broker, four);
    expect(() => createActorClient(broker, eight)).toThrow(InvalidOptionError);
    expect(() => createActorClient(broker, eight)).toThrow(
      'The queue "mails" has 8 partitions for test.eight and 4 partitions for test.four.',
    );
    expect(() => createActorClient(broker, inside)).toThrow('"mails.3" is the name of a partition of "mails"');
    createActorClient(memoryBroker(), eight);
    const handler = () => undefined;
    const worker = (actors: Record<string, Actor>) =>
      createWorker(
        broker,
        { test: actors },
        { test: { four: handler, eight: handler, inside: handler } },
        { logger: new TestLogger() },
      );
    expect(() => worker({ four, eight })).toThrow(InvalidOptionError);
    expect(() => worker({ inside, four })).toThrow(InvalidOptionError);
    expect(worker({ four }).queues).toEqual(["mails"]);
  });
});
