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

test("a part of a flow that does not fit is told with the reason in the first line", async () => {
  const project = await createProject({
    "src/app.ts": [
      'import { group, pipeline, type CallableClient, type SendOnlyClient } from "callboard/client";',
      "declare const charge: CallableClient<{ user: string }, { id: string; cents: number }>;",
      "declare const mail: SendOnlyClient<{ id: string; to: string }>;",
      "declare const book: SendOnlyClient<{ id: string; cents: string }>;",
      "declare const double: CallableClient<number, number>;",
      "declare const shout: CallableClient<string, string>;",
      'const charged = charge.message({ user: "u1" });',
      ...flowMistakes.map(([code]) => `${code};`),
      "",
    ].join("\n"),
  });
  const complaints = (await project.typeCheck()).split("\n").filter((line) => /^\S/.test(line));
  const expected = flowMistakes.flatMap(([, ...told]) => told.map((each): unknown => expect.stringContaining(each)));
  expect(complaints).toEqual(expected);
});

const QUARREL = `'Misfit<"its members are given the same, and take", string | number>'`;
const flowMistakes: readonly (readonly [code: string, ...told: string[]])[] = [
  ["pipeline(charged, mail)", `'Misfit<"the output before it lacks", { to: string; }>'`],
  [
    "pipeline(charged, book)",
    `'Misfit<"the output before it does not fit", { given: { cents: number; }; taken: { cents: string; }; }>'`,
  ],
  [
    "pipeline(double.message(1), double, shout)",
    `'Misfit<"the output before it does not fit", { given: number; taken: string; }>'`,
  ],
  ["pipeline(double.message(1), charge)", `{ given: number; taken: { user: string; }; }>'`],
  [
    "pipeline(mail.message({ id: '1', to: 'a' }), double)",
    `'Misfit<"the part before it gives nothing, and it takes", number>'`,
  ],
  ["group([double.message(1), double, shout])", QUARREL, QUARREL],
  ["group([charged], { onComplete: mail })", `Property '[hasInput]' is missing in type 'SendOnlyClient<`],
  ["group([charged], { whenFailed: 'ignore' })", `Type '"ignore"' is not assignable to type '"collect" | "fail"`],
  ["group([charged], { onCompleted: charged })", "Did you mean to write 'onComplete'?"],
  ["void pipeline(charge, mail.message({ id: '1', to: 'a' })).send()", `'Misfit<"it has no input yet: begin it`],
  ["void group([double]).send()", `'Misfit<"it has no input yet: begin it`],
];
