/** Everybody's mailbox, in this process: mail to `@bounces.example` comes back, all other mail arrives. */

/** A mail. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
}

const arrived: Mail[] = [];

/** Delivers a mail. */
export async function deliver(mail: Mail): Promise<void> {
  if (mail.to.endsWith("@bounces.example")) throw new Error(`550 ${mail.to}: no such mailbox`);
  arrived.push(mail);
}

/** The last mail that arrived for an address. */
export function mailFor(address: string): Mail | undefined {
  return arrived.findLast(({ to }) => to === address);
}
