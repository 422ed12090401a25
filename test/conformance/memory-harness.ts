/** What the conformance suites need of the memory broker. Its time is moved. */
import type { Broker } from "../../runtime/seams/broker.js";
import { MemoryBackend, memoryBroker } from "../../runtime/brokers/memory/index.js";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { MovableClock } from "../../runtime/testing/clock.js";
import { message } from "./broker.js";
import type { BrokerHarness } from "./harness.js";

export const memoryHarness: BrokerHarness = {
  async open() {
    const clock = new MovableClock();
    const backend = new MemoryBackend(clock);
    const brokers: Broker[] = [];
    const connect = () => {
      const broker = memoryBroker({ backend });
      brokers.push(broker);
      return broker;
    };
    return {
      clock,
      connect,
      connectBriefly: connect,
      pass: (milliseconds) => clock.pass(milliseconds),
      endLeases: async (queue) => backend.endLeases(queue),
      inject: async (queue, body) => memoryBroker({ backend }).publish([{ ...message(0), queue, body }]),
      close: async () => void (await Promise.all(brokers.map((broker) => broker.close()))),
    };
  },
  times: { recovery: defaults.broker.lease, deadLetterTtl: defaults.broker.deadLetterTtl, soon: 10, grain: 0 },
  cannot: {},
};
