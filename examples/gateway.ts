/** A payment gateway as they are: busy at first, strict about cards, and asked twice it charges once. */
import { createHash } from "node:crypto";

/** What the gateway is asked for. */
export interface Charge {
  /** Names this charge: the same key is never charged twice. */
  readonly key: string;
  readonly userId: string;
  readonly amount: number;
}

/** The gateway has no time. Another try may do. */
export class GatewayBusyError extends Error {
  override readonly name = "GatewayBusyError";
}

/** The bank said no. Another try changes nothing. */
export class CardDeclinedError extends Error {
  override readonly name = "CardDeclinedError";
}

/** Whose card every gateway declines. */
export const declinedUser = "mallory";

/** A gateway that is busy the first `busy` times that it is asked for a charge. */
export class FlakyGateway {
  readonly #busy: number;
  readonly #asked = new Map<string, number>();
  readonly #receipts = new Map<string, string>();

  constructor({ busy }: { readonly busy: number }) {
    this.#busy = busy;
  }

  /** Charges a card and returns the receipt's id. */
  async charge({ key, userId, amount }: Charge): Promise<string> {
    if (userId === declinedUser) throw new CardDeclinedError(`the bank declined ${amount} euros of ${userId}`);
    const asked = (this.#asked.get(key) ?? 0) + 1;
    this.#asked.set(key, asked);
    if (asked <= this.#busy) throw new GatewayBusyError(`no free line for call ${asked}`);

    const receipt = this.#receipts.get(key) ?? `r-${createHash("sha256").update(key).digest("hex").slice(0, 8)}`;
    this.#receipts.set(key, receipt);
    return receipt;
  }
}
