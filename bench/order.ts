/** The message that everything is measured with: six fields, as a shop would send it. */
import { randomUUID } from "node:crypto";
import { z } from "zod";

/** What Callboard validates on both ends. */
export const orderSchema = z.object({
  id: z.string(),
  customer: z.string(),
  amount: z.number().positive(),
  currency: z.enum(["EUR", "USD"]),
  paid: z.boolean(),
  items: z.array(z.string()),
});

export type Order = z.infer<typeof orderSchema>;

/** One message: what a task system is given, and what a plain driver sends. */
export interface Payload {
  readonly order: Order;
  /** The order in an envelope like Callboard's, made before the clock starts: a plain driver only sends it. */
  readonly text: string;
}

const plain: Order = {
  id: "ord_01HZY3K9W2",
  customer: "ada@example.com",
  amount: 129.95,
  currency: "EUR",
  paid: true,
  items: ["sku-1", "sku-2"],
};

/** The order that is sent where nothing else is said: 124 bytes of JSON. */
export const payload = wrap(plain);

/** An order of about so many bytes: it has more items, of 40 characters each. */
export function payloadOf(bytes: number): Payload {
  const missing = Math.max(0, bytes - JSON.stringify(plain).length);
  const items = Array.from({ length: Math.round(missing / 43) }, (_, i) => `sku-${i}`.padEnd(40, "-"));
  return wrap({ ...plain, items: [...plain.items, ...items] });
}

/** An order that is known again by its id. */
export function payloadWithId(id: string): Payload {
  return wrap({ ...plain, id });
}

/** Gives orders other ids: so many of them, each in turn. */
export function renumber(most: number): (order: Order) => Order {
  let next = 0;
  return (order) => ({ ...order, id: String(next++ % most) });
}

/** The order that is sent in pieces of work of several messages, each with an id of its own. */
export function orders(): () => Order {
  const number = renumber(Infinity);
  return () => number(plain);
}

function wrap(order: Order): Payload {
  const text = JSON.stringify({ id: randomUUID(), actor: "shop.ship", v: "00000000", at: Date.now(), input: order });
  return { order, text };
}
