/** A handler is inserted where it is missing, and no other byte of the file changes. */
import { describe, expect, test } from "vitest";
import { insertStubs, type StubRequest } from "../../generator/typescript/index.js";
import { contract, createProject } from "./project.js";

const request: StubRequest = {
  group: "payments",
  type: "PaymentsHandlers",
  names: ["charge", "refund"],
  stub: (name, error) => [`async ${name}(_input, _task) {`, `  throw new ${error}("payments.${name}");`, "}"],
};

/** The stub of `refund`, at an indentation. */
const stub = (indentation = "  ", unit = "  ", error = "NotImplementedError") =>
  [`async refund(_input, _task) {`, `${unit}throw new ${error}("payments.refund");`, "},"]
    .map((line) => indentation + line)
    .join("\n");

const imports = 'import { NotImplementedError } from "callboard";\n';
const added = (text: string) => {
  const edit = insertStubs(text, request);
  if (!("text" in edit)) throw new Error(JSON.stringify(edit));
  return edit.text;
};

describe("a stub is inserted", () => {
  test("behind the last handler", () => {
    const before = `${imports}export const payments: PaymentsHandlers = {\n  async charge() {\n    return 1;\n  },\n`;
    expect(added(`${before}};\n// the end`)).toBe(`${before}\n${stub()}\n};\n// the end`);
  });

  test("behind one without a comma, and behind the comment of its line", () => {
    expect(added(`${imports}export const payments: PaymentsHandlers = {\n  charge: () => 1 // one\n}`)).toBe(
      `${imports}export const payments: PaymentsHandlers = {\n  charge: () => 1, // one\n\n${stub()}\n}`,
    );
  });

  test("into an empty object", () => {
    expect(
      added(`${imports}export const payments: PaymentsHandlers = {};`).replace(/ {2}async charge[^}]+},\n\n/, ""),
    ).toBe(`${imports}export const payments: PaymentsHandlers = {\n${stub()}\n};`);
  });

  test("into an object on one line", () => {
    expect(added(`${imports}export const payments = { charge } satisfies PaymentsHandlers;\n`)).toBe(
      `${imports}export const payments = { charge,\n${stub()}\n} satisfies PaymentsHandlers;\n`,
    );
  });

  test("with tabs and CRLF, as in the rest of the file", () => {
    const text =
      `${imports}const x = 1\nexport const payments: PaymentsHandlers =\n{\n\tcharge: 1 as never ,\n\t}\n`.replaceAll(
        "\n",
        "\r\n",
      );
    const expected = `${imports}const x = 1\nexport const payments: PaymentsHandlers =\n{\n\tcharge: 1 as never ,\n\n${stub("\t", "\t")}\n\t}\n`;
    expect(added(text)).toBe(expected.replaceAll("\n", "\r\n"));
  });

  test("into a constant of another name that has the type, and behind what is spread into it", () => {
    const text = `${imports}const base = { other() {} };\nexport const mine = {\n  ...base,\n  charge,\n} satisfies PaymentsHandlers;\n`;
    expect(added(text)).toBe(text.replace("  charge,\n", `  charge,\n\n${stub()}\n`));
  });

  test("not where a spread object of the file has it", () => {
    const text = `const base = { refund() {} };\nexport const payments = { ...base, charge };\n`;
    expect(added(text)).toBe(text);
  });

  test("with an import of the error, where there is none", () => {
    const text =
      "#!/usr/bin/env node\n// About.\nimport type { PaymentsHandlers } from '../generated/worker.js';\nexport const payments: PaymentsHandlers = {\n  charge,\n};\n";
    expect(added(text)).toBe(
      text
        .replace("import type", "import { NotImplementedError } from 'callboard';\nimport type")
        .replace("  charge,\n", `  charge,\n\n${stub()}\n`),
    );
  });

  test("with the error added to an import that is there", () => {
    const text =
      'import { RetryLater } from "callboard";\nexport const payments: PaymentsHandlers = {\n  charge,\n};\n';
    expect(added(text)).toContain('import { RetryLater, NotImplementedError } from "callboard";\n');
  });

  test("by the name that the file gave to the error", () => {
    const renamed =
      'import { NotImplementedError as Todo } from "callboard";\nexport const payments: PaymentsHandlers = {\n  charge,\n};\n';
    expect(added(renamed)).toBe(renamed.replace("  charge,\n", `  charge,\n\n${stub("  ", "  ", "Todo")}\n`));
    const space = 'import * as cb from "callboard";\nexport const payments: PaymentsHandlers = {\n  charge,\n};\n';
    expect(added(space)).toBe(
      space.replace("  charge,\n", `  charge,\n\n${stub("  ", "  ", "cb.NotImplementedError")}\n`),
    );
  });

  test("beside a type-only import", () => {
    const text = 'import type { Task } from "callboard";\nexport const payments: PaymentsHandlers = {\n  charge,\n};\n';
    expect(added(text)).toMatch(/^import \{ NotImplementedError \} from "callboard";\nimport type \{ Task \}/);
  });
});

test("a file without such an object is left alone, and what is missing is told", () => {
  expect(insertStubs('export { payments } from "./elsewhere.js";\n', request)).toEqual({
    missing: ["charge", "refund"],
  });
  expect(insertStubs("class Handlers { charge() {} }\nexport const payments = new Handlers();\n", request)).toEqual({
    missing: ["refund"],
  });
  expect(
    insertStubs('import { base } from "./x.js";\nexport const payments = { ...base, charge };\n', request),
  ).toEqual({
    missing: ["refund"],
  });
});

test("a contract that gains an actor gains its stub, and a handler without a contract stays", async () => {
  const one = "export const charge = actor({ input: z.string() });";
  const project = await createProject({ "contracts/payments.ts": contract(one) });
  await project.generateWell();
  const filled = (await project.read("handlers/payments.ts"))
    .replace('    throw new NotImplementedError("payments.charge");', "    // mine")
    .replace('import { NotImplementedError } from "callboard";\n', "");
  await project.write({
    "handlers/payments.ts": filled,
    "contracts/payments.ts": contract(
      one,
      "/** Gives it back. */",
      "export const refund = actor({ input: z.string() });",
    ),
  });
  const stale = await project.generateWell({ check: true });
  expect(stale.stale).toContainEqual({ path: "handlers/payments.ts", kind: "outdated" });
  // What is not there yet is no oversight of a person's.
  expect(stale.notes).toEqual(["1 handler is not implemented yet: payments.refund"]);
  const report = await project.generateWell();
  expect(report.notes).toEqual([
    "inserted refund into handlers/payments.ts",
    "1 handler is not implemented yet: payments.refund",
  ]);
  expect(await project.read("handlers/payments.ts")).toBe(
    [
      'import { NotImplementedError } from "callboard";',
      'import type { PaymentsHandlers } from "../generated/worker.js";',
      "",
      "export const payments: PaymentsHandlers = {",
      "  async charge(_input, _task) {",
      "    // mine",
      "  },",
      "",
      "  /** Gives it back. */",
      "  async refund(_input, _task) {",
      '    throw new NotImplementedError("payments.refund");',
      "  },",
      "};",
      "",
    ].join("\n"),
  );
  expect(await project.typeCheck()).toBe("");

  await project.write({ "contracts/payments.ts": contract(one) });
  const before = await project.read("handlers/payments.ts");
  expect((await project.generateWell()).notes).toEqual(["handlers/payments.ts: `refund` has no contract any more"]);
  expect(await project.read("handlers/payments.ts")).toBe(before);
  expect(await project.typeCheck()).toContain("'refund' does not exist in type 'PaymentsHandlers'");
});
