import { DoNotRetry } from "callboard";
import type { PaymentsHandlers } from "../../generated/worker.js";
import { CardDeclinedError, FlakyGateway } from "../gateway.js";

const gateway = new FlakyGateway({ busy: 2 });

export const payments: PaymentsHandlers = {
  /**
   * Charges a customer's card.
   *
   * A busy gateway is tried again; a declined card is not. The gateway charges each message once, however often it is
   * asked.
   */
  async processPayment({ userId, amount }, task) {
    try {
      // A message may be handled twice, and its id is the same each time.
      return { receiptId: await gateway.charge({ key: task.message.id, userId, amount }) };
    } catch (error) {
      if (error instanceof CardDeclinedError) throw new DoNotRetry(error.message, { cause: error });
      throw error;
    }
  },
};
