/** The memory broker keeps every broker's promises. Its time is moved. */
import type { Broker } from "../../runtime/broker.js";
import { MemoryBackend, memoryBroker } from "../../runtime/brokers/memory/index.js";
import { defaults } from "../../runtime/defaults.js";
import { MovableClock } from "../../runtime/testing/clock.js";
import { describeBroker, message } from "./broker.js";
import { describeClaims } from "./claims.js";
import { describeFlowStore } from "./flow-store.js";
import { describeControl } from "./control.js";
import type { BrokerHarness } from "./harness.js";
import { describeOperations } from "./operations.js";
import { describeLimitedActors, describeLimits } from "./limits.js";
import { describeResults } from "./results.js";
import { describeUnique } from "./unique.js";
import { describeRetries } from "./retries.js";
import { describeWorker } from "./worker.js";

const harness: BrokerHarness = {
  async open() {
    const clock = new MovableClock();
    const backend = new MemoryBackend(clock);
    const brokers: Broker[] = [];
    return {
      clock,
      connect() {
        const broker = memoryBroker({ backend });
        brokers.push(broker);
        return broker;
      },
      pass: (milliseconds) => clock.pass(milliseconds),
      endLeases: async (queue) => backend.endLeases(queue),
      inject: async (queue, body) => memoryBroker({ backend }).publish([{ ...message(0), queue, body }]),
      close: async () => void (await Promise.all(brokers.map((broker) => broker.close()))),
    };
  },
  times: { recovery: defaults.broker.lease, deadLetterTtl: defaults.broker.deadLetterTtl, soon: 10, grain: 0 },
  cannot: {},
};

describeBroker("memory", harness);
describeClaims("memory", harness);
describeResults("memory", harness);
describeUnique("memory", harness);
describeRetries("memory", harness);
describeLimits("memory", harness);
describeLimitedActors("memory", harness);
describeWorker("memory", harness);
describeOperations("memory", harness);
describeFlowStore("memory", harness);
describeControl("memory", harness, { knowsHolders: true, sharesResults: true });
