/** The RabbitMQ broker keeps every broker's promises, on a real server, with quorum and with classic queues. */
import { randomUUID } from "node:crypto";
import type { RabbitmqBrokerOptions } from "callboard/rabbitmq";
import { redisResults, redisState } from "callboard/redis";
import { describe, inject } from "vitest";
import { BRIEF_DEAD_LETTER_TTL, openBackend } from "../rabbitmq/backend.js";
import { describeBroker } from "./broker.js";
import { describeClaims } from "./claims.js";
import { describeControl, describeNoControl } from "./control.js";
import { describeFlowEnds } from "./flow-ends.js";
import { describeFlows, describeNoFlows } from "./flows.js";
import type { BrokerHarness } from "./harness.js";
import { describeLimiters } from "./limiters.js";
import { describeLimitedActors, describeLimits } from "./limits.js";
import { describeOperations } from "./operations.js";
import { describeResults } from "./results.js";
import { describeRetries } from "./retries.js";
import { describeNoTracking, describeTracking } from "./tracking.js";
import { describeSchedules } from "./schedules.js";
import { describeUnique } from "./unique.js";
import { describeWorker } from "./worker.js";

/** What a test leaves in a store, such as a place that is kept for a message, no other is to meet: `own` is its prefix. */
const harness = (preset: (own: string) => RabbitmqBrokerOptions): BrokerHarness => ({
  open() {
    const own = `test:${randomUUID()}`;
    return openBackend(inject("rabbitmqUrl"), () => preset(own));
  },
  times: { recovery: 1000, deadLetterTtl: BRIEF_DEAD_LETTER_TTL, soon: 200, grain: 100 },
  cannot: {},
});

const withoutStore = {
  "has nobody take from a paused queue": "AMQP knows no pause: it needs a state store",
  "holds back the messages of a paused actor, counts no attempt, and lets others pass": "it needs a state store",
  "tells a worker at each heartbeat what is paused": "it needs a state store",
  "sees the workers that are there, and forgets those that say nothing":
    "AMQP lists no connections: it needs a state store",
};

describe("quorum queues", () => {
  const quorum = harness(() => ({}));
  describeBroker("rabbitmq", quorum);
  describeWorker("rabbitmq", quorum);
  describeOperations("rabbitmq", { ...quorum, cannot: withoutStore });
});

describe("classic queues", () => {
  const classic = harness(() => ({ queueType: "classic" }));
  describeBroker("rabbitmq", classic);
  describeWorker("rabbitmq", classic);
  describeOperations("rabbitmq", { ...classic, cannot: withoutStore });
});

// Without a store, a result reaches only the process whose address its message carries: test/rabbitmq/results.test.ts.
describe("results in Redis", () => {
  const stored = harness(() => ({ results: redisResults(inject("redisUrl"), { prefix: "test:rabbitmq" }) }));
  describeResults("rabbitmq", stored);
  describeWorker("rabbitmq", stored);
  describeRetries("rabbitmq", stored);
});

describe("state in Redis", () => {
  const stateful = harness((own) => ({ state: redisState(inject("redisUrl"), { prefix: own }) }));
  describeOperations("rabbitmq", stateful);
  describeLimits("rabbitmq", stateful);
  describeLimitedActors("rabbitmq", stateful);
  describeLimiters("rabbitmq", stateful);
});

describe("what processes share in Redis", () => {
  const state = (prefix: string) => redisState(inject("redisUrl"), { prefix });
  const results = (prefix: string) => redisResults(inject("redisUrl"), { prefix });
  describeControl(
    "rabbitmq",
    harness((own) => ({ state: state(own) })),
    { knowsHolders: false, sharesResults: false },
  );
  describeControl(
    "rabbitmq, results in Redis",
    harness((own) => ({ state: state(own), results: results(own) })),
    { knowsHolders: false, sharesResults: true },
  );
  describeFlows(
    "rabbitmq",
    harness((own) => ({ state: state(own) })),
    { sharesResults: false },
  );
  describeFlows(
    "rabbitmq, results in Redis",
    harness((own) => ({ state: state(own), results: results(own) })),
    { sharesResults: true },
  );
  describeFlowEnds(
    "rabbitmq",
    harness((own) => ({ state: state(own) })),
    { sharesResults: false },
  );
  describeFlowEnds(
    "rabbitmq, results in Redis",
    harness((own) => ({ state: state(own), results: results(own) })),
    { sharesResults: true },
  );
  describeNoFlows(
    "rabbitmq",
    harness(() => ({})),
  );
  describeTracking(
    "rabbitmq",
    harness((own) => ({ state: state(own) })),
  );
  const alone = harness(() => ({}));
  describeNoControl("rabbitmq", alone);
  describeNoTracking("rabbitmq", alone);
});

describe("what is shared in Redis", () => {
  const shared: BrokerHarness = {
    ...harness(() => ({})),
    async open() {
      const prefix = `test:rabbitmq:${randomUUID()}`;
      return openBackend(inject("rabbitmqUrl"), () => ({
        state: redisState(inject("redisUrl"), { prefix }),
        results: redisResults(inject("redisUrl"), { prefix }),
      }));
    },
    cannot: {
      "takes a key for a higher number only, whatever becomes of the message's other keys":
        "each number has an id of its own, and that is claimed",
    },
  };
  describeClaims("rabbitmq", shared);
  describeUnique("rabbitmq", shared);
  describeSchedules("rabbitmq", shared);
});
