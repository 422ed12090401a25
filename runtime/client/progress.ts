/** Follows what a handler tells of its progress. */
import { systemClock } from "../support/clock.js";
import { controlsOf, isOver, type MessageRecord, type ProgressRecord } from "../seams/controls.js";
import { defaults } from "../vocabulary/defaults.js";
import type { Duration } from "../vocabulary/duration.js";
import { InvalidProgressError } from "../vocabulary/errors.js";
import { readValue } from "../wire/wire-value.js";
import type { Sender } from "./message.js";

/** How to follow a progress. */
export interface ProgressOptions {
  /** For how long. Default: until the message ends. */
  readonly timeout?: Duration;
}

/** What has been heard of a message and not been given on. */
class Inbox {
  #latest: ProgressRecord | undefined;
  #given: ProgressRecord | undefined;
  #ring: () => void = () => undefined;
  over = false;

  /** Learns of something; what is older than what was heard before does not count. */
  hear({ status, progress }: MessageRecord): void {
    if (progress !== undefined && isNewer(progress, this.#latest ?? this.#given)) this.#latest = progress;
    if (status !== undefined && isOver(status)) this.over = true;
    this.#ring();
  }

  end(): void {
    this.over = true;
    this.#ring();
  }

  take(): ProgressRecord | undefined {
    const latest = this.#latest;
    this.#latest = undefined;
    this.#given = latest ?? this.#given;
    return latest;
  }

  /** Resolves when something is heard. */
  next(): Promise<void> {
    return new Promise((resolve) => (this.#ring = resolve));
  }
}

function isNewer({ attempt, n }: ProgressRecord, than: ProgressRecord | undefined): boolean {
  return than === undefined || attempt > than.attempt || (attempt === than.attempt && n > than.n);
}

/** The values as they are told; `timeout` in milliseconds. */
export async function* followProgress(
  sender: Sender,
  id: string,
  timeout: number | undefined,
): AsyncGenerator<unknown, void, void> {
  const controls = controlsOf(sender.broker, `${sender.actor.name}: progress()`);
  const clock = sender.broker.clock ?? systemClock;
  const inbox = new Inbox();
  const look = async () => {
    const record = await controls.read(id);
    inbox.hear(record);
    // Of a message that nobody knows nothing will be heard.
    if (record.status === undefined) inbox.end();
  };
  const lookAgain = () => void look().catch(() => undefined);
  const leave = await controls.follow(id, (record) => inbox.hear(record), lookAgain);
  const cancel = timeout === undefined ? () => undefined : clock.after(timeout, () => inbox.end());
  const timer = setInterval(lookAgain, defaults.control.progressLook);
  try {
    await look();
    for (let certain = false; ;) {
      const heard = inbox.next();
      const record = inbox.take();
      if (record !== undefined) yield await open(sender, id, record);
      else if (!inbox.over) await heard;
      else if (certain) return;
      else {
        // In a cluster the word of the end may overtake the last value's.
        await look().catch(() => undefined);
        certain = true;
      }
    }
  } finally {
    clearInterval(timer);
    cancel();
    leave();
  }
}

/** What was told, as its follower sees it. */
async function open({ actor, seal }: Sender, id: string, { value, encoding }: ProgressRecord): Promise<unknown> {
  // What was sent sealed is told sealed: another value is not a worker's.
  const owner = { kind: "progress", id, actor: actor.name } as const;
  const checked = await actor.progress?.check(readValue(value, encoding, owner, seal, seal !== undefined));
  if (checked === undefined || !checked.ok) throw new InvalidProgressError(actor.name, checked?.issues ?? []);
  return checked.value;
}
