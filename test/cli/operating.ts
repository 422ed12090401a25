/** A project with contracts and generated code, and workers of its actors in this process, for the operator's commands. */
import { actor } from "callboard";
import { defineActor } from "callboard/client";
import { createWorker, type Broker, type Task, type Worker } from "callboard/worker";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import type { Ended } from "../setup/command.js";
import { createProject, type Project } from "../setup/project.js";
import { TestLogger } from "../support/actors.js";

const contracts = (most: number) => `
  import { actor } from "callboard";
  import { z } from "zod";

  /** Charges a customer's card. */
  export const charge = actor({
    input: z.object({ amount: z.number().positive().max(${most}) }),
    output: z.string(),
    queue: "money",
    maxRetries: 0,
  });
  /** Develops a film. */
  export const develop = actor({ input: z.object({ film: z.string() }), queue: "money", track: true });
  /** Reminds of a day. */
  export const remind = actor({ input: z.object({ at: z.date() }), queue: "mails", partitions: 2 });
  /** Counts the till. */
  export const count = actor({
    input: z.object({}),
    queue: "money",
    schedule: { cron: "0 3 1 1 *", timeZone: "Europe/Berlin" },
  });
`;

/** A project whose contracts have been generated. */
export interface OperatedProject extends Project {
  /** Runs the command against the test's broker and expects it to end well; what it printed. */
  ok(...args: readonly string[]): Promise<string>;
  /** The same, with `--json`. */
  json(...args: readonly string[]): Promise<unknown>;
  /** Runs the command against the test's broker. */
  run(...args: readonly string[]): Promise<Ended>;
  /** From now on the contract takes no larger amounts. */
  lower(most: number): Promise<void>;
}

/** Makes a project; `place` says where its broker is. */
export async function createOperated(place: readonly string[]): Promise<OperatedProject> {
  const project = createProject({ "contracts/payments.ts": contracts(1_000_000) });
  const run = (...args: readonly string[]) => project.callboard(...args, ...place);
  const ok = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };
  const generate = async () => expect((await project.callboard("gen")).stderr).toBe("");
  await generate();
  return {
    ...project,
    run,
    ok,
    json: async (...args) => JSON.parse(await ok(...args, "--json")) as unknown,
    async lower(most) {
      project.write("contracts/payments.ts", contracts(most));
      await generate();
    },
  };
}

const charge = defineActor<{ input: { amount: number }; output: string }>(
  actor({ input: z.object({ amount: z.number() }), output: z.string(), queue: "money", maxRetries: 0 }),
  { name: "payments.charge", fingerprint: "00000000" },
);

/** The actor that develops films, for clients in this process. */
export const develop = defineActor<{ input: { film: string }; tracked: true }>(
  actor({ input: z.object({ film: z.string() }), queue: "money", track: true, maxRetries: 1, minBackoff: "1h" }),
  { name: "payments.develop", fingerprint: "00000000" },
);

/** Starts a worker that develops films until it is told to end, and fails at those that are bad. */
export async function startDeveloping(broker: Broker): Promise<Worker> {
  const handler = ({ film }: { readonly film: string }, { signal }: Task) => {
    if (film === "bad") throw new RangeError("it is black\u001B[31m");
    return new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  };
  const worker = createWorker(
    broker,
    { payments: { develop } },
    { payments: { develop: handler } },
    { logger: new TestLogger() },
  );
  onTestFinished(() => worker.stop());
  await worker.start();
  return worker;
}

/** Starts a worker that charges whatever is even. It is stopped when the test ends. */
export async function startCharging(broker: Broker): Promise<Worker> {
  const handler = ({ amount }: { readonly amount: number }) => {
    if (amount % 2 === 1) throw new RangeError(`${amount} is odd\u001B[31m`);
    return `charged ${amount}`;
  };
  const worker = createWorker(
    broker,
    { payments: { charge } },
    { payments: { charge: handler } },
    { logger: new TestLogger(), concurrency: 7 },
  );
  onTestFinished(() => worker.stop());
  await worker.start();
  return worker;
}
