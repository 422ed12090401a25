/** Work that nobody waits for: these actors have no output, so nothing is stored and there is nothing to await. */
import { actor } from "callboard";
import { z } from "zod";

/** Notes a receipt that could not be mailed, for somebody to send by post. */
export const postReceipt = actor({
  input: z.object({
    input: z.object({ to: z.string(), receiptId: z.string() }),
    error: z.object({ message: z.string() }),
  }),
});

/** Mails a receipt to a customer. */
export const sendReceipt = actor({
  input: z.object({
    to: z.email(),
    receiptId: z.string(),
    /** The language of the mail. The default is filled in by the worker: the handler always receives one. */
    language: z.enum(["en", "de", "fr"]).default("en"),
  }),
  maxRetries: 2,
  minBackoff: "200ms",
  maxAge: "1d",
  onRetryExhausted: postReceipt,
});
