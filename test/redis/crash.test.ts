/** What happens to messages whose worker dies, or is as good as dead. Real processes, a real server. */
import { randomUUID } from "node:crypto";
import { createActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { Broker } from "../../runtime/seams/broker.js";
import { step } from "../fixtures/step.js";
import { eventually } from "../support/eventually.js";
import { bundleProgram, TestProcess } from "../support/process.js";

const lease = 2000;
const sweep = 500;

describe("a worker process", () => {
  let program: string;
  let prefix: string;
  let broker: Broker;
  const processes: TestProcess[] = [];

  beforeAll(async () => {
    program = await bundleProgram("fixtures/worker");
  });
  beforeEach(() => {
    prefix = `test:${randomUUID()}`;
    broker = redisBroker(inject("redisUrl"), { prefix });
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.end()));
    await broker.close();
  });

  async function start(behaviour: string): Promise<TestProcess> {
    const args = [inject("redisUrl"), prefix, String(lease), String(sweep), behaviour];
    const started = new TestProcess(program, args);
    processes.push(started);
    await started.printed("ready");
    return started;
  }

  it("killed with -9 has its messages completed by others within lease + sweep", async () => {
    const dying = await start("stuck");
    const client = createActorClient<typeof step>(broker, step);
    const messages = await client.sendMany(Array.from({ length: 40 }, (_, n) => ({ n })));
    await eventually(
      "ten messages in its hands",
      () => dying.lines.filter((line) => line.startsWith("began")).length === 10,
    );

    await start("quick");
    const killed = performance.now();
    await dying.end("SIGKILL");
    const answers = await Promise.all(messages.map((message) => message.result({ timeout: "25s" })));
    const recovered = performance.now() - killed;

    expect(answers.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    // What a busy machine adds to lease and sweep, generously.
    expect(recovered).toBeLessThan(lease + sweep + 5000);
    expect(await broker.deadLetters.list("default")).toEqual([]);
  });

  it("whose event loop was blocked for three leases is told so, and its late ack is refused", async () => {
    const blocked = await start("blocked");
    const client = createActorClient<typeof step>(broker, step);
    const message = await client.send({ n: 1 });
    await blocked.printed("began 1");
    const other = await start("quick");
    await other.printed("ended 1");
    const answer = await message.result({ timeout: "25s" });
    await blocked.printed("ended 1");
    await blocked.printed("too late: another worker has the message");
    // The answer is the other one's, and stays so.
    expect(answer.by).not.toBe(0);
    expect(await message.result({ timeout: "25s" })).toEqual(answer);
    // It goes on under a new lease.
    await other.end("SIGTERM");
    expect((await client.call({ n: 2 }, { timeout: "25s" })).n).toBe(2);
    await blocked.printed("ended 2");
  });
});
