import type { MailHandlers } from "../../generated/worker.js";
import { deliver } from "../mailbox.js";

const subjects = { en: "Your receipt", de: "Ihre Quittung", fr: "Votre reçu" } as const;

export const mail: MailHandlers = {
  /** Notes a receipt that could not be mailed, for somebody to send by post. */
  async postReceipt({ input: { to, receiptId }, error }) {
    await deliver({ to: "office@mail.example", subject: `${receiptId} of ${to}, by post: ${error.message}` });
  },

  /** Mails a receipt to a customer. */
  async sendReceipt({ to, receiptId, language }, task) {
    await deliver({ to, subject: `${subjects[language]} ${receiptId}` });
    task.log.info({ to, receiptId }, "receipt mailed");
  },
};
