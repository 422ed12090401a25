/** All systems by name. This is the one place that knows those which only the bench has installed. */
import type { OpenTrial, Systems, Trials } from "../system.js";

export const systems: Systems = {
  "redis/callboard": async () => (await import("../systems/callboard.js")).callboardOnRedis,
  "redis/bullmq": async () => (await import("./bullmq.js")).bullmq,
  "redis/bee-queue": async () => (await import("./bee-queue.js")).beeQueue,
  "redis/ioredis": async () => (await import("../systems/ioredis.js")).oneByOne,
  "redis/ioredis-pipelined": async () => (await import("../systems/ioredis.js")).pipelined,
  "redis/ioredis-batched": async () => (await import("../systems/ioredis.js")).batched,
  "rabbitmq/callboard": async () => (await import("../systems/callboard.js")).callboardOnRabbitmq,
  "rabbitmq/amqplib": async () => (await import("../systems/amqplib.js")).singleAcks,
  "rabbitmq/amqplib-batched": async () => (await import("../systems/amqplib.js")).batchedAcks,
  "rabbitmq/rabbitmq-client": async () => (await import("./rabbitmq-client.js")).rabbitmqClient,
};

const callboard = async (trial: keyof typeof import("../systems/callboard-trials.js")): Promise<OpenTrial> =>
  (await import("../systems/callboard-trials.js"))[trial];
const bullmq = async (trial: keyof typeof import("./bullmq-trials.js")): Promise<OpenTrial> =>
  (await import("./bullmq-trials.js"))[trial];

export const trials: Trials = {
  "callboard/pipeline of 3": () => callboard("pipelineOfThree"),
  "callboard/3 messages, each sent by the handler before": () => callboard("threeMessages"),
  "bullmq/flow of 3": () => bullmq("flowOfThree"),
  "bullmq/3 jobs, each added by the processor before": () => bullmq("threeJobs"),
  "callboard/group of 10": () => callboard("groupOfTen"),
  "callboard/10 calls": () => callboard("tenCalls"),
  "bullmq/flow of 10 and 1": () => bullmq("flowOfTen"),
  "bullmq/10 jobs waited for": () => bullmq("tenJobs"),
  "callboard/no reports": () => callboard("noReports"),
  "callboard/1,000 reports": () => callboard("reports"),
  "bullmq/no reports": () => bullmq("noReports"),
  "bullmq/1,000 reports": () => bullmq("reports"),
  "callboard/call": () => callboard("call"),
  "callboard/call of a thread": () => callboard("callOfThread"),
  "bullmq/job of a thread waited for": () => bullmq("jobOfThread"),
  "callboard/ticks": () => callboard("ticks"),
  "bullmq/ticks": () => bullmq("ticks"),
};
