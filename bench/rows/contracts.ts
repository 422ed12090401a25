/** A project with many contracts, and the client that a person would have written for them by hand. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serverDirectory } from "../../test/setup/program.js";

const FILES = 500;

/** The folder that the bench was started in: this repository. */
export const repository = process.cwd();

/** A folder that has this repository installed as `callboard`. It ends with the run. */
export class Project {
  readonly root = serverDirectory("project");

  constructor() {
    this.write("package.json", `{ "name": "project", "private": true, "type": "module" }\n`);
    mkdirSync(join(this.root, "node_modules"));
    symlinkSync(repository, join(this.root, "node_modules/callboard"));
    symlinkSync(join(repository, "node_modules/zod"), join(this.root, "node_modules/zod"));
  }

  path(file: string): string {
    return join(this.root, file);
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), text);
  }
}

/** The built command line of this repository. */
export const callboard = join(repository, "dist/cli/main.js");

/** A project with 500 contract files of two actors each. */
export function contractProject(): Project {
  const project = new Project();
  for (let i = 0; i < FILES; i++) project.write(`contracts/group${i}.ts`, contract(i));
  return project;
}

/** A contract file. What is told of `amount` can be changed, so that a change has something to change. */
export function contract(index: number, amount = "z.number().positive()"): string {
  return `import { actor } from "callboard";
import { z } from "zod";

const address = z.object({ street: z.string(), city: z.string(), zip: z.string().optional() });

/** Places order ${index}. */
export const place = actor({
  input: z.object({
    id: z.uuid(),
    customer: z.object({ name: z.string(), email: z.email(), address }),
    amount: ${amount},
    currency: z.enum(["EUR", "USD", "GBP"]),
    items: z.array(z.object({ sku: z.string(), count: z.int().default(1), note: z.string().nullable() })),
  }),
  output: z.object({ accepted: z.boolean(), number: z.string() }),
  queue: "orders",
});

/** Cancels order ${index}. */
export const cancel = actor({
  input: z.object({ id: z.uuid(), reason: z.union([z.literal("customer"), z.literal("stock")]).optional() }),
  maxRetries: 3,
});
`;
}

/** Types as a person would write them for one of the contracts. */
function groupByHand(index: number): string {
  return `import type { CallableClient, SendOnlyClient } from "callboard/client";

export interface Address${index} {
  street: string;
  city: string;
  zip?: string | undefined;
}

export interface PlaceInput${index} {
  id: string;
  customer: { name: string; email: string; address: Address${index} };
  amount: number;
  currency: "EUR" | "USD" | "GBP";
  items: { sku: string; count?: number | undefined; note: string | null }[];
}

export interface PlaceOutput${index} {
  accepted: boolean;
  number: string;
}

export interface CancelInput${index} {
  id: string;
  reason?: "customer" | "stock" | undefined;
}

export interface Group${index} {
  /** Places order ${index}. */
  readonly place: CallableClient<PlaceInput${index}, PlaceOutput${index}>;
  /** Cancels order ${index}. */
  readonly cancel: SendOnlyClient<CancelInput${index}>;
}
`;
}

/** The folder `byhand/` beside `generated/`, with a client of the same shape. */
export function writeClientByHand(project: Project): void {
  const groups = Array.from({ length: FILES }, (_, i) => i);
  for (const i of groups) project.write(`byhand/group${i}.ts`, groupByHand(i));
  const imports = groups.map((i) => `import type { Group${i} } from "./group${i}.js";`);
  const members = groups.map((i) => `  readonly group${i}: Group${i};`);
  project.write(
    "byhand/client.ts",
    `import type { Broker } from "callboard/client";
${imports.join("\n")}

export interface Client {
${members.join("\n")}
}

export declare function createClient(broker: Broker): Client;
`,
  );
}

/** A producer that uses the client in a folder, and a tsconfig that checks it. */
export function writeProducer(project: Project, folder: "generated" | "byhand"): string {
  project.write(
    `producer-${folder}.ts`,
    `import { memoryBroker } from "callboard";
import { createClient } from "./${folder}/client.js";

const client = createClient(memoryBroker());
const answer = await client.group7.place.call({
  id: "0b0e0a4e-6a3c-4c9e-9d8e-1f4f8a1d2c3b",
  customer: { name: "Ada", email: "ada@example.com", address: { street: "1 Main St", city: "London" } },
  amount: 129.95,
  currency: "EUR",
  items: [{ sku: "sku-1", note: null }],
});
const number: string = answer.number;
await client.group8.cancel.send({ id: number, reason: "stock" });
`,
  );
  const tsconfig = `tsconfig-${folder}.json`;
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    types: [],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  project.write(tsconfig, JSON.stringify({ compilerOptions, files: [`producer-${folder}.ts`] }));
  return tsconfig;
}
