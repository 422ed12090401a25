/** Work that nobody waits for: these actors have no output, so nothing is stored and there is nothing to await. */
import { actor } from "callboard";
import { z } from "zod";

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
});
