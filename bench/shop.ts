/** The sources that the generator is measured with: contracts of many shops, and the client that a person would write for them. */

/** A contract file with two actors: one that answers, and one that is fire and forget. */
export function contractText(shop: number): string {
  return `import { actor } from "callboard";
import { z } from "zod";

const address = z.object({
  street: z.string(),
  city: z.string(),
  /** Two letters, as in ISO 3166. */
  country: z.string().length(2),
});

/** Places an order in shop ${shop} and charges the customer's card. */
export const placeOrder = actor({
  input: z.object({
    orderId: z.string(),
    customer: z.email(),
    /** In cents. */
    amount: z.number().int().positive(),
    currency: z.enum(["EUR", "USD", "GBP"]),
    address,
    items: z.array(z.object({ sku: z.string(), quantity: z.number().int().min(1) })).min(1),
    note: z.string().optional(),
  }),
  output: z.object({ receiptId: z.string(), total: z.number() }),
  queue: "orders",
  maxRetries: 3,
  minBackoff: "1s",
});

/** Tells a customer of shop ${shop} where the parcel is. */
export const notifyCustomer = actor({
  input: z.object({
    customer: z.email(),
    parcel: z.string(),
    channel: z.enum(["mail", "text"]).default("mail"),
  }),
});
`;
}

/** A producer that uses a handful of the actors. */
export function producerText(client: string, target: string): string {
  return `import { createClient } from "${client}";
${target}

const client = createClient(target);
const order = {
  orderId: "o1",
  customer: "ada@example.com",
  amount: 1995,
  currency: "EUR" as const,
  address: { street: "1 High Street", city: "London", country: "GB" },
  items: [{ sku: "s1", quantity: 2 }],
};
const message = await client.shop0.placeOrder.send(order, { delay: "10m" });
const receipt: { receiptId: string; total: number } = await message.result({ timeout: "5s" });
const called = await client.shop1.placeOrder.call({ ...order, note: receipt.receiptId });
await client.shop2.notifyCustomer.send({ customer: order.customer, parcel: called.receiptId });
await client.shop3.notifyCustomer.sendMany([{ customer: order.customer, parcel: "p1", channel: "text" }]);
`;
}

/**
 * The client as an engineer would write it over ioredis: an interface for each input and output, an object for each
 * shop. It validates nothing.
 */
export function handWrittenClient(folder: string, shops: number): Readonly<Record<string, string>> {
  const numbers = Array.from({ length: shops }, (_, shop) => shop);
  return {
    [`${folder}/task.ts`]: taskText,
    ...Object.fromEntries(numbers.map((shop) => [`${folder}/shops/shop${shop}.ts`, handWrittenShop(shop)])),
    [`${folder}/client.ts`]: [
      'import type { Redis } from "ioredis";',
      ...numbers.map((shop) => `import { createShop${shop}, type Shop${shop} } from "./shops/shop${shop}.js";`),
      "",
      "export interface Client {",
      ...numbers.map((shop) => `  readonly shop${shop}: Shop${shop};`),
      "}",
      "",
      "export function createClient(redis: Redis): Client {",
      "  return {",
      ...numbers.map((shop) => `    shop${shop}: createShop${shop}(redis),`),
      "  };",
      "}",
      "",
    ].join("\n"),
  };
}

const taskText = `import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";

export interface SendOptions {
  readonly delay?: number | string;
  readonly priority?: number;
}

export interface ResultOptions {
  readonly timeout?: number | string;
}

export interface SentMessage {
  readonly id: string;
}

export interface Message<Output> extends SentMessage {
  result(options?: ResultOptions): Promise<Output>;
}

/** Sends messages that nobody answers. */
export interface Task<Input> {
  send(input: Input, options?: SendOptions): Promise<SentMessage>;
  sendMany(inputs: readonly Input[], options?: SendOptions): Promise<readonly SentMessage[]>;
}

/** Sends messages that are answered. */
export interface AnsweredTask<Input, Output> {
  send(input: Input, options?: SendOptions): Promise<Message<Output>>;
  sendMany(inputs: readonly Input[], options?: SendOptions): Promise<readonly Message<Output>[]>;
  call(input: Input, options?: SendOptions & ResultOptions): Promise<Output>;
}

export function createTask<Input>(redis: Redis, name: string): Task<Input> {
  const send = async (input: Input, options?: SendOptions) => {
    const id = randomUUID();
    await redis.lpush(name, JSON.stringify({ id, input, ...options }));
    return { id };
  };
  return { send, sendMany: (inputs, options) => Promise.all(inputs.map((input) => send(input, options))) };
}

export function createAnsweredTask<Input, Output>(redis: Redis, name: string): AnsweredTask<Input, Output> {
  const task = createTask<Input>(redis, name);
  const answered = ({ id }: SentMessage): Message<Output> => ({
    id,
    async result() {
      const answer = await redis.brpop(id, 10);
      if (answer === null) throw new Error(name + " did not answer.");
      return JSON.parse(answer[1]) as Output;
    },
  });
  return {
    send: async (input, options) => answered(await task.send(input, options)),
    sendMany: async (inputs, options) => (await task.sendMany(inputs, options)).map(answered),
    call: async (input, options) => answered(await task.send(input, options)).result(options),
  };
}
`;

function handWrittenShop(shop: number): string {
  return `import type { Redis } from "ioredis";
import { createAnsweredTask, createTask, type AnsweredTask, type Task } from "../task.js";

export interface Address {
  street: string;
  city: string;
  /** Two letters, as in ISO 3166. */
  country: string;
}

export interface OrderItem {
  sku: string;
  quantity: number;
}

export interface PlaceOrderInput {
  orderId: string;
  customer: string;
  /** In cents. */
  amount: number;
  currency: "EUR" | "USD" | "GBP";
  address: Address;
  items: OrderItem[];
  note?: string | undefined;
}

export interface PlaceOrderOutput {
  receiptId: string;
  total: number;
}

export interface NotifyCustomerInput {
  customer: string;
  parcel: string;
  channel?: "mail" | "text" | undefined;
}

export interface Shop${shop} {
  /** Places an order in shop ${shop} and charges the customer's card. */
  readonly placeOrder: AnsweredTask<PlaceOrderInput, PlaceOrderOutput>;
  /** Tells a customer of shop ${shop} where the parcel is. */
  readonly notifyCustomer: Task<NotifyCustomerInput>;
}

export function createShop${shop}(redis: Redis): Shop${shop} {
  return {
    placeOrder: createAnsweredTask(redis, "shop${shop}.placeOrder"),
    notifyCustomer: createTask(redis, "shop${shop}.notifyCustomer"),
  };
}
`;
}
