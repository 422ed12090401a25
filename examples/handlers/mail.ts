import type { MailHandlers } from "../../generated/worker.js";
import { deliver } from "../mailbox.js";

const subjects = { en: "Your receipt", de: "Ihre Quittung", fr: "Votre reçu" } as const;

export const mail: MailHandlers = {
  /** Mails a receipt to a customer. */
  async sendReceipt({ to, receiptId, language }, task) {
    await deliver({ to, subject: `${subjects[language]} ${receiptId}` });
    task.log.info({ to, receiptId }, "receipt mailed");
  },
};
