/** Where one scenario is played: its processes, each on a wire of its own, the books, and the verdict at the end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.js";
import { bundleProgram, TestProcess } from "../support/process.js";
import { Proxy } from "../support/proxy.js";
import { Ledger, machineTime } from "./ledger.js";
import type { FloodPlan, ProducerPlan, WorkerPlan } from "./plan.js";
import { judge, type Verdict } from "./verdict.js";
import type { Server, Venue } from "./venue.js";

/** One process of a scenario. */
export interface Player {
  readonly name: string;
  readonly process: TestProcess;
  /** The wire between it and the server. */
  readonly wire: Proxy;
}

/** What a busy machine adds to a recovery, in milliseconds, generously. */
export const SLACK = 15_000;

/** How long a scenario may take to come to rest, in milliseconds. */
const REST = 60_000;

/** The programs are bundled once for all scenarios of a test file. */
const programs = new Map<string, Promise<string>>();

function program(name: string): Promise<string> {
  let bundled = programs.get(name);
  if (bundled === undefined) programs.set(name, (bundled = bundleProgram(`faults/${name}`)));
  return bundled;
}

export class Stage {
  readonly ledger: Ledger;
  readonly #venue: Venue;
  readonly #directory: string;
  readonly #players: Player[] = [];
  readonly #recovery: number[] = [];
  readonly #remarks: string[] = [];
  #count = 0;
  #counted = 0;

  constructor(venue: Venue) {
    this.#venue = venue;
    this.#directory = mkdtempSync(join(tmpdir(), "callboard-faults-"));
    this.ledger = new Ledger(this.#directory);
  }

  get server(): Server {
    return this.#venue.server;
  }

  get venue(): Venue {
    return this.#venue;
  }

  /** Starts a worker process and waits until it works. */
  worker(plan: Partial<Pick<WorkerPlan, "concurrency" | "version" | "clockAhead">> = {}): Promise<Player> {
    return this.#start("worker", { concurrency: 50, version: "newer", clockAhead: 0, ...plan });
  }

  workers(count: number, plan: Parameters<Stage["worker"]>[0] = {}): Promise<Player[]> {
    return Promise.all(Array.from({ length: count }, () => this.worker(plan)));
  }

  /** Starts a producer process, which begins to send at once. */
  producer(plan: Pick<ProducerPlan, "messages" | "rate" | "mix"> & { readonly clockAhead?: number }): Promise<Player> {
    return this.#start("producer", { clockAhead: 0, ...plan });
  }

  /** Starts a worker process that counts a flood of messages. */
  flood(plan: Pick<FloodPlan, "messages" | "reports">): Promise<Player> {
    return this.#start("flood", { clockAhead: 0, ...plan });
  }

  /** Waits until a producer has sent all. */
  async sentAll(producer: Player, limit = REST): Promise<void> {
    await eventually(`${producer.name} to send all`, () => producer.process.lines.includes("sent all"), limit);
    this.ledger.read();
  }

  /** Waits until a producer's answers are all there, or given up. */
  async answeredAll(producer: Player, limit = REST): Promise<void> {
    await eventually(`${producer.name}'s answers`, () => producer.process.lines.includes("answered all"), limit);
    this.ledger.read();
  }

  /** Waits until a producer has had so many messages accepted. */
  async sentAtLeast(producer: Player, count: number): Promise<void> {
    await eventually(
      `${producer.name} to send ${count} messages`,
      () => pause(50).then(() => this.ledger.count("accepted") >= count),
      REST,
    );
  }

  /** Has a producer send no more, and waits for what is under way. */
  async endSending(producer: Player): Promise<void> {
    producer.process.signal("SIGTERM");
    await this.sentAll(producer);
  }

  /** Waits until every message that was accepted before a moment has ended; not longer than the limit. */
  async settledBefore(moment: number, limit = REST): Promise<void> {
    const deadline = machineTime() + limit;
    while (this.#open(moment).length > 0 && machineTime() < deadline) await pause(50);
  }

  /** Waits until every accepted message has ended or is dead and the broker is empty; not longer than the limit. */
  async settled(limit = REST): Promise<void> {
    const deadline = machineTime() + limit;
    for (let open = this.#open(); open.length > 0 && machineTime() < deadline; open = this.#open()) {
      await pause(200);
      if (this.#open().length < open.length) continue;
      const dead = new Set((await this.#venue.deadLetters()).map(({ id }) => id));
      if (open.every((id) => dead.has(id))) break;
    }
    // The last acks are on their way.
    while ((await this.#venue.leftovers()).length > 0 && machineTime() < deadline) await pause(200);
    this.ledger.read();
  }

  /** Accepted messages that have not ended. */
  #open(before = Infinity): readonly string[] {
    this.ledger.read();
    const ended = this.ledger.of("ended");
    return [...this.ledger.of("accepted")].flatMap(([id, [accepted]]) =>
      accepted !== undefined && accepted.at < before && !ended.has(id) ? [id] : [],
    );
  }

  /** Counts messages that were sent and handled, and that are not named in the books. */
  counted(messages: number): void {
    this.#counted += messages;
  }

  /** Notes how long a recovery took. */
  recovered(milliseconds: number): void {
    this.#recovery.push(milliseconds);
  }

  /** Notes something that people should know who read the verdict. */
  remark(text: string): void {
    this.#remarks.push(text);
  }

  /** Kills the server with -9 and starts it again after a while; the time at which it answers again. */
  async killServer(down: number, meanwhile: () => void = () => undefined): Promise<number> {
    await this.#venue.settle();
    await this.server.kill();
    meanwhile();
    await pause(down);
    await this.server.restart();
    return machineTime();
  }

  /** Waits until each of these workers has begun a message since a moment, and notes how long it took. */
  async fetching(workers: readonly Player[], since: number): Promise<void> {
    const idle = new Set(workers.map(({ name }) => name));
    const look = () => {
      this.ledger.read();
      for (const { by, at } of this.ledger.all("began")) {
        if (at > since && idle.delete(by)) this.recovered(at - since);
      }
      return idle.size === 0;
    };
    const names = [...idle].join(", ");
    await eventually(`${names} to work again`, () => pause(50).then(look), REST);
  }

  async verdict(scenario: number, title: string): Promise<Verdict> {
    const left = await this.#venue.leftovers();
    const judged = judge(
      this.ledger,
      left,
      (await this.#venue.deadLetters()).map(({ id }) => id),
    );
    return {
      scenario,
      title,
      broker: this.#venue.kind,
      ...judged,
      accepted: judged.accepted + this.#counted,
      recovery: this.#recovery,
      remarks: this.#remarks,
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#players.map(({ process }) => process.end()));
    await Promise.all(this.#players.map(({ wire }) => wire.close()));
    this.ledger.close();
    rmSync(this.#directory, { recursive: true, force: true });
    await this.#venue.close();
  }

  async #start(kind: "worker" | "producer" | "flood", plan: object): Promise<Player> {
    const name = `${kind}-${++this.#count}`;
    const wire = await Proxy.open(this.#venue.plan.url);
    const broker = { ...this.#venue.plan, url: wire.url };
    const whole = { name, journal: this.ledger.journal(name), broker, ...plan };
    const process = new TestProcess(await program(kind), [JSON.stringify(whole)]);
    const player = { name, process, wire };
    this.#players.push(player);
    await process.printed("ready");
    return player;
  }
}

/** Lets real time pass. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
