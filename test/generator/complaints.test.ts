/** What the compiler says to somebody who has made a mistake: its first line names the mistake. */
import { expect, test } from "vitest";
import { contract, createProject } from "./project.js";

const contracts = {
  "contracts/mails.ts": contract('export const send = actor({ input: z.string(), queue: "mail" });'),
  "contracts/films.ts": contract("export const develop = actor({ input: z.string() });"),
};

/** What the compiler says of a worker's options. */
async function complaintsAbout(...options: readonly string[]): Promise<readonly string[]> {
  const project = await createProject({
    ...contracts,
    "src/app.ts": [
      'import { createWorker, type MailsHandlers } from "../generated/worker.js";',
      "declare const broker: Parameters<typeof createWorker>[0];",
      "declare const mails: MailsHandlers;",
      ...options.map((each) => `createWorker(broker, { mails }, ${each});`),
      "",
    ].join("\n"),
  });
  await project.generateWell();
  return (await project.typeCheck()).split("\n").filter((line) => /^\S/.test(line));
}

test("a queue that no contract has is told by its name, with those that there are", async () => {
  expect(
    await complaintsAbout(
      '{ queues: ["mial"] }',
      '{ queues: ["mail", "mial"] }',
      '{ queues: ["defautl"] }',
      '{ queues: ["mail"] }',
    ),
  ).toEqual([
    expect.stringContaining(`Type '"mial"' is not assignable to type '"default" | "mail"'.`),
    expect.stringContaining(`Type '"mial"' is not assignable to type '"default" | "mail"'.`),
    expect.stringContaining(
      `Type '"defautl"' is not assignable to type '"default" | "mail"'. Did you mean '"default"'?`,
    ),
  ]);
});

test("handlers that are missing are told by their names where the queues are right", async () => {
  const [complaint, ...others] = await complaintsAbout('{ queues: ["default"] }');
  expect(complaint).toContain("src/app.ts(4,");
  expect(complaint).toContain(`HandlersOf<QueueHandlers, "default">`);
  expect(others).toEqual([]);
});
