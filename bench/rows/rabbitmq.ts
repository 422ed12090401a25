/** RabbitMQ: durable queues, persistent messages, publisher confirms, everywhere. */
import { latencies, repeat, times } from "../meter.js";
import { payload } from "../order.js";
import { contenders, type Row } from "../row.js";
import type { Setting } from "../system.js";
import { rabbitmqClients } from "./contenders.js";
import { answered, enough, processRate, sendManyRate, sendRate } from "./rates.js";

function rowsOf(queueType: "quorum" | "classic"): readonly Row[] {
  const common = {
    group: `RabbitMQ: ${queueType} queues`,
    server: "rabbitmq",
    thorough: queueType === "classic",
  } as const;
  const setting: Setting = { queueType };
  const answering: Setting = { queueType, answers: true };
  return [
    {
      ...common,
      id: `${queueType}-send-200`,
      title: "send with confirms, 200 in flight",
      measures: { rate: "per second", cpu: "µs" },
      contenders: contenders(rabbitmqClients, setting, (session, lane) => sendRate(session, lane, 200)),
    },
    {
      ...common,
      id: `${queueType}-send-many`,
      title: "sendMany of 1,000 with confirms",
      measures: { rate: "per second", cpu: "µs" },
      thorough: true,
      contenders: contenders(rabbitmqClients, setting, sendManyRate),
    },
    {
      ...common,
      id: `${queueType}-process-100`,
      title: "process a no-op, concurrency 100",
      measures: { rate: "per second", cpu: "µs" },
      contenders: contenders(
        { ...rabbitmqClients, "amqplib, acks of 50": "rabbitmq/amqplib-batched" },
        setting,
        (session, lane, pace) => processRate(session, lane, { concurrency: 100, most: enough(pace, lane) }),
      ),
    },
    {
      ...common,
      id: `${queueType}-call-1`,
      title: "call, one by one",
      measures: { p50: "ms", p95: "ms", p99: "ms" },
      thorough: true,
      contenders: contenders(rabbitmqClients, answering, (session, { effort }) =>
        answered(session, async () => latencies(await times(effort.samples, () => session.call(payload)))),
      ),
    },
    {
      ...common,
      id: `${queueType}-call-50`,
      title: "call, 50 in flight",
      measures: { rate: "per second", cpu: "µs" },
      contenders: contenders(rabbitmqClients, answering, (session, { effort }) =>
        answered(session, () => repeat({ width: 50, seconds: effort.seconds }, () => session.call(payload))),
      ),
    },
  ];
}

export const rabbitmqRows: readonly Row[] = [...rowsOf("quorum"), ...rowsOf("classic")];
