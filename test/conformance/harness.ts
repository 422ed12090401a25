/** What a broker's test file gives to the conformance suites. */
import type { Broker } from "../../runtime/seams/broker.js";
import type { Clock } from "../../runtime/support/clock.js";

/** A backend of its own for one test, and how to meddle with it. */
export interface Backend {
  /** Connects as one more process would. */
  connect(): Broker;
  /** Connects with leases and dead letters so brief that a test can wait for their end, as can a machine that stands still. */
  connectBriefly(): Broker;
  /** Lets time pass: moves the clock where it can be moved, waits where it cannot. */
  pass(milliseconds: number): Promise<void>;
  /** The workers' clock, where it can be moved. */
  readonly clock?: Clock;
  /** Ends the leases of all that is held from a queue, as if no heartbeat had come. */
  endLeases(queue: string): Promise<void>;
  /** Puts bytes into a queue as a foreign program would. */
  inject(queue: string, body: string): Promise<void>;
  /** Ends it, and whatever is connected to it. */
  close(): Promise<void>;
}

export interface BrokerHarness {
  /** A fresh backend, in which nothing waits. */
  open(): Promise<Backend>;
  /** What the brokers that it connects are set to, in milliseconds. */
  readonly times: {
    /** A killed worker's messages are in other hands within this time, where it was connected briefly. */
    readonly recovery: number;
    /** Dead letters are gone after this time, for whoever is connected briefly. */
    readonly deadLetterTtl: number;
    /** What counts as "at once", generously. */
    readonly soon: number;
    /** The grain of delays: a message is never early, and at most this late on an idle machine. */
    readonly grain: number;
  };
  /** Cases that this broker cannot do, each with the reason. */
  readonly cannot: Readonly<Record<string, string>>;
}
