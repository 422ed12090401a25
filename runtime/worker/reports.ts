/** What a handler tells of its progress: checked at once, and told at most about ten times a second, the latest value. */
import type { Actor } from "../actor.js";
import type { Clock } from "../support/clock.js";
import type { ProgressRecord } from "../seams/controls.js";
import { defaults } from "../vocabulary/defaults.js";
import type { Envelope } from "../wire/envelope.js";
import { InvalidProgressError } from "../vocabulary/errors.js";
import type { Seal } from "../wire/seal.js";
import { assertFits } from "../wire/stored-result.js";
import { TAGGED, toTagged } from "../vocabulary/tagged.js";
import { isSealed, sealValue } from "../wire/wire-value.js";

/** What reports are made with. */
export interface ReportContext {
  readonly clock: Clock;
  readonly seal?: Seal | undefined;
  /** Takes a report to where it is kept. */
  readonly tell: (record: ProgressRecord) => void;
}

export class Reports {
  readonly #actor: Actor;
  readonly #envelope: Envelope;
  readonly #context: ReportContext;
  #n = 0;
  #latest: ProgressRecord | undefined;
  /** Ends the wait after the last one that was told; absent where the next is told at once. */
  #rest: (() => void) | undefined;
  #closed = false;

  constructor(actor: Actor, envelope: Envelope, context: ReportContext) {
    this.#actor = actor;
    this.#envelope = envelope;
    this.#context = context;
  }

  /** Throws `InvalidProgressError` for a value that does not fit the contract. After the attempt's end nothing is told. */
  add(value: unknown): void {
    const record = this.#record(value);
    if (this.#closed) return;
    this.#latest = record;
    if (this.#rest === undefined) this.#tell();
  }

  /** Tells what was not told yet; after this, nothing more. */
  close(): void {
    this.#closed = true;
    this.#rest?.();
    this.#flush();
  }

  #tell(): void {
    this.#flush();
    const over = () => {
      this.#rest = undefined;
      if (this.#latest !== undefined) this.#tell();
    };
    this.#rest = this.#context.clock.after(defaults.control.progressInterval, over, { background: true });
  }

  #flush(): void {
    const latest = this.#latest;
    this.#latest = undefined;
    if (latest !== undefined) this.#context.tell(latest);
  }

  #record(value: unknown): ProgressRecord {
    const { name, progress } = this.#actor;
    const checked = progress?.check(value);
    if (checked === undefined) throw this.#unfit("the contract has no progress");
    if (checked instanceof Promise) {
      // Nobody waits for it.
      checked.catch(() => undefined);
      throw this.#unfit("its schema has asynchronous parts, and progress is checked at once");
    }
    if (!checked.ok) throw new InvalidProgressError(name, checked.issues);
    const head = { attempt: this.#envelope.attempt, n: this.#n++ };
    try {
      return { ...head, ...this.#written(value, progress?.tagged === true) };
    } catch (error) {
      throw this.#unfit(`it cannot be told: ${(error as Error).message}`);
    }
  }

  /** It is told as it was given: the caller's side applies transforms. It is sealed where its message was. */
  #written(value: unknown, tagged: boolean): Pick<ProgressRecord, "value" | "encoding"> {
    const { seal } = this.#context;
    const plain = tagged ? toTagged(value) : value;
    const json = JSON.stringify(plain) as string | undefined;
    if (json !== undefined) assertFits(json, plain);
    if (seal === undefined || !isSealed(this.#envelope.encoding)) {
      // As it is now: the handler may go on to change it.
      const now: unknown = json === undefined ? undefined : JSON.parse(json);
      return tagged ? { value: now, encoding: TAGGED } : { value: now };
    }
    return sealValue(seal, json, tagged, { kind: "progress", id: this.#envelope.id, actor: this.#actor.name });
  }

  #unfit(message: string): InvalidProgressError {
    return new InvalidProgressError(this.#actor.name, [{ path: "", message }]);
  }
}
