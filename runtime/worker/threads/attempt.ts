/** One attempt that a thread makes, as the worker sees it. */
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import type { Piscina } from "piscina";
import { DoNotRetry, InvalidOutputError, ShutdownError, ThreadLostError } from "../../vocabulary/errors.js";
import type { ProgressTask } from "../task.js";
import type { Assignment, Note, Place } from "./protocol.js";
import { writeSurroundings } from "./surroundings.js";
import { fromThrown, toThrown } from "./thrown.js";

/** How long a thread may take to end its attempt once its signal has aborted, in milliseconds. */
const GRACE = 300;

/** How an attempt ended, as its thread said. */
type End = Exclude<Note, { readonly kind: "log" | "progress" }>;

export class ThreadAttempt {
  readonly #task: ProgressTask<never>;
  readonly #channel = new MessageChannel();
  readonly #kill = new AbortController();
  #grace: NodeJS.Timeout | undefined;
  #end: End | undefined;
  /** A progress that did not fit: the handler has gone on by then, so the attempt fails at its end. */
  #unfit: Error | undefined;

  constructor(task: ProgressTask<never>) {
    this.#task = task;
  }

  /** Has a thread make the attempt. Resolves to what the handler returned, and throws what it threw. */
  async run(pool: Piscina, place: Place, input: unknown): Promise<unknown> {
    const { signal, message } = this.#task;
    const { port1: port, port2 } = this.#channel;
    port.on("message", (note: Note) => this.#hear(note));
    const abort = () => this.#abort();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    const assignment: Assignment = { ...place, input, message, surroundings: writeSurroundings(), port: port2 };
    try {
      await pool.run(assignment, { transferList: [port2], signal: this.#kill.signal });
      // What was said last may not have been heard yet.
      for (let last = receiveMessageOnPort(port); last !== undefined; last = receiveMessageOnPort(port)) {
        this.#hear(last.message as Note);
      }
    } catch (error) {
      throw this.#kill.signal.aborted ? signal.reason : this.#explain(error);
    } finally {
      signal.removeEventListener("abort", abort);
      clearTimeout(this.#grace);
      port.close();
    }
    return this.#outcome();
  }

  /** Ends the thread unless the attempt ends by itself within a short time. */
  end(): void {
    this.#grace ??= setTimeout(() => this.#kill.abort(), GRACE);
  }

  #abort(): void {
    const { reason } = this.#task.signal as { readonly reason: unknown };
    this.#channel.port1.postMessage(toThrown(reason));
    // A worker that shuts down says itself when it no longer waits.
    if (!(reason instanceof ShutdownError)) this.end();
  }

  #hear(note: Note): void {
    if (note.kind === "log") this.#task.log[note.level](note.fields, note.text);
    else if (note.kind === "progress") this.#tell(note.value);
    else this.#end = note;
  }

  #tell(value: unknown): void {
    try {
      this.#task.progress(value as never);
    } catch (error) {
      this.#unfit ??= error as Error;
    }
  }

  #outcome(): unknown {
    const { actor } = this.#task.message;
    const end = this.#end;
    if (end === undefined) throw new ThreadLostError(`${actor}: its thread ended without a word`);
    if (this.#unfit !== undefined) throw this.#unfit;
    if (end.kind === "returned") return end.output;
    if (end.kind === "threw") throw fromThrown(end.error);
    const message = `it cannot be copied out of its thread: ${end.message}`;
    throw new InvalidOutputError(actor, [{ path: "", message }]);
  }

  /** Why there is no end of the attempt. */
  #explain(cause: unknown): Error {
    const { actor } = this.#task.message;
    const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
    // Another attempt would fail in the same way.
    if (name === "DataCloneError") return new DoNotRetry(`the input cannot be copied into a thread: ${message}`);
    return new ThreadLostError(`${actor}: its thread ended by itself: ${message}`, { cause });
  }
}
