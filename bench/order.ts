/** The message that everything is measured with: six fields, as a shop would send it. */
import { actor } from "callboard";
import { defineActor } from "callboard/client";
import { z } from "zod";

const schema = z.object({
  id: z.string(),
  customer: z.string(),
  amount: z.number().positive(),
  currency: z.enum(["EUR", "USD"]),
  paid: z.boolean(),
  items: z.array(z.string()),
});

type Order = z.infer<typeof schema>;

export const order: Order = {
  id: "ord_01HZY3K9W2",
  customer: "ada@example.com",
  amount: 129.95,
  currency: "EUR",
  paid: true,
  items: ["sku-1", "sku-2"],
};

/** Fire and forget. */
export const ship = defineActor<{ input: Order }>(actor({ input: schema }), {
  name: "shop.ship",
  fingerprint: "00000000",
});

/** Answers whether the order is fine. */
export const check = defineActor<{ input: Order; output: boolean }>(actor({ input: schema, output: z.boolean() }), {
  name: "shop.check",
  fingerprint: "00000000",
});
