/**
 * A RabbitMQ cluster of three nodes that runs short of memory, throws everybody out, and loses a node: clear words while
 * it lasts, work that resumes, and nothing lost.
 */
import { rabbitmqBroker } from "callboard/rabbitmq";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Broker } from "../../runtime/seams/broker.js";
import { startRabbitmq, type RabbitmqServer } from "../setup/rabbitmq.js";
import { eventually } from "../support/eventually.js";
import { Traffic } from "../support/traffic.js";

describe("a cluster of three nodes", () => {
  let nodes: readonly [RabbitmqServer, RabbitmqServer, RabbitmqServer];
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const first = await startRabbitmq();
    nodes = [first, await startRabbitmq({ join: first }), await startRabbitmq({ join: first })];
  }, 180_000);
  afterAll(async () => void (await Promise.all(nodes.toReversed().map((node) => node.stop()))));
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  function connect(node: RabbitmqServer | readonly RabbitmqServer[], prefix: string): Broker {
    const url = "url" in node ? node.url : node.map((each) => each.url);
    const broker = rabbitmqBroker(url, { prefix, publishTimeout: "2s", heartbeat: "2s" });
    ends.push(() => broker.close());
    return broker;
  }

  function traffic(prefix: string): Traffic {
    // The worker of the third node is the first to declare the queues, so that their leaders are there.
    const consumers = [connect(nodes[2], prefix), connect(nodes[1], prefix)];
    const started = new Traffic(connect(nodes[0], prefix), ...consumers);
    ends.push(() => started.close());
    return started;
  }

  it("short of memory takes no messages, and says so; what it has is worked off, and then it goes on", async () => {
    const load = traffic("alarm");
    await load.start();
    await nodes[0].ctl("set_vm_memory_high_watermark", "absolute", "1");
    await load.refused(/takes no messages at present: low on memory/);
    const accepted = [...load.accepted];
    await eventually("what was accepted to be worked off", () => accepted.every((n) => load.ran.has(n)));
    await nodes[0].ctl("set_vm_memory_high_watermark", "0.4");
    await load.flows();
    await load.call();
    await load.end();
  }, 120_000);

  it("goes on after every connection was closed by hand", async () => {
    const load = traffic("closed");
    await load.start();
    await nodes[0].ctl("close_all_connections", "maintenance");
    await eventually("somebody to notice", () => load.logger.messages("warn").length > 0);
    expect(load.logger.messages("warn").join("\n")).toMatch(/maintenance|closed|lost/);
    await load.flows();
    await eventually("the workers to be well again", () => load.healthy);
    await load.call();
    await load.end();
  }, 120_000);

  it("goes on with the nodes that are left, calls as well, when the one is killed that everybody is connected to", async () => {
    const connectAll = () => connect(nodes.toReversed(), "moved");
    const load = new Traffic(connectAll(), connectAll(), connectAll());
    ends.push(() => load.close());
    await load.start();
    await load.call();
    await nodes[2].kill();
    await load.flows();
    await load.call();
    await nodes[2].restart();
    await eventually("the workers to be well again", () => load.healthy, 60_000);
    await load.end();
  }, 180_000);

  it("goes on without the node of the queues' leaders, and with it again when it is back", async () => {
    const load = traffic("killed");
    await load.start();
    const queues = (await nodes[0].ctl("list_queues", "name", "leader")).split("\n");
    expect(queues).toContain(`killed:a:5\t${nodes[2].node}`);
    await nodes[2].kill();
    await load.flows();
    await load.call();
    await nodes[2].restart();
    await eventually("the workers to be well again", () => load.healthy, 60_000);
    await load.flows();
    await load.end();
  }, 180_000);
});
