/** Work with money. It has a queue of its own, so that no slow page ever stands before a payment. */
import { actor } from "callboard";
import { z } from "zod";

/**
 * Charges a customer's card.
 *
 * A busy gateway is tried again; a declined card is not. The gateway charges each message once, however often it is
 * asked.
 */
export const processPayment = actor({
  input: z.object({
    userId: z.string(),
    /** In euros. */
    amount: z.number().positive(),
  }),
  output: z.object({
    /** What the customer quotes when they complain. */
    receiptId: z.string(),
  }),
  queue: "high-priority",
  maxRetries: 3,
  minBackoff: "200ms",
});
