/**
 * Scenario 11: random faults, one after the other and several at once, while two producers send and eight workers work.
 * `FAULTS_SEED` plays a run again, as far as the machine allows.
 */
import { expect } from "vitest";
import { machineTime } from "../ledger.js";
import { SOAK, type Scenario } from "../scenario.js";
import { randomNumbers, seed } from "../seed.js";
import { pause, type Player, type Stage } from "../stage.js";

const DURATION = SOAK ? 15 * 60_000 : 60_000;
const WORKERS = 8;

export const random: Scenario = {
  number: 11,
  title: "random faults",
  timeout: DURATION + 660_000,
  async play(stage) {
    const chance = randomNumbers(seed(stage));
    const workers = await stage.workers(WORKERS, { concurrency: 10 });
    const mix = [
      { count: 20, actor: "job", deed: { ms: 5 } },
      { count: 8, actor: "job", deed: { ms: 20, failures: 2 } },
      { count: 8, actor: "note", options: { priority: 9 } },
      { count: 8, actor: "note", deed: { ms: 100 }, options: { priority: 0 } },
      { count: 8, actor: "novelty", options: { delay: 700 } },
      { count: 1, actor: "job", deed: { ms: 1500 } },
    ] as const;
    const plan = { messages: 10_000_000, rate: 100, mix };
    const producers = await Promise.all([stage.producer(plan), stage.producer(plan)]);

    const chaos = new Chaos(stage, workers, producers, chance);
    const end = machineTime() + DURATION;
    while (machineTime() < end) {
      await chaos.next();
      await pause(300 + chance() * 1500);
    }
    await chaos.end();
    for (const producer of producers) await stage.endSending(producer);
    const up = machineTime();
    // What a killed RabbitMQ was handing down from one delay to the next waits for the server's own limit of 3 minutes.
    await stage.settled(240_000);
    stage.recovered(machineTime() - up);
    for (const producer of producers) await stage.answeredAll(producer, 320_000);

    stage.remark(chaos.told());
    expect(workers.every(({ process }) => process.running)).toBe(true);
    await stage.venue.forgetTheDead();
    for (const { process } of workers) process.signal("SIGTERM");
    for (const { process } of workers) await process.ended();
    // A server learns of the end of a connection a moment later.
    await expect.poll(() => stage.venue.debris(), { timeout: 20_000 }).toEqual([]);
    // So many deaths in a minute may make a message suspect that was in the wrong hands each time. Nothing else dies.
    expect((await stage.venue.deadLetters()).filter(({ reason }) => reason !== "crash-loop")).toEqual([]);
    expect(stage.ledger.count("accepted")).toBeGreaterThan(2000);
  },
};

/** One fault after the other. Those that last end by themselves, or with `end`. */
class Chaos {
  readonly #stage: Stage;
  readonly #workers: Player[];
  readonly #producers: readonly Player[];
  readonly #chance: () => number;
  readonly #lasting = new Set<Promise<void>>();
  readonly #count = new Map<string, number>();

  constructor(stage: Stage, workers: Player[], producers: readonly Player[], chance: () => number) {
    this.#stage = stage;
    this.#workers = workers;
    this.#producers = producers;
    this.#chance = chance;
  }

  async next(): Promise<void> {
    const faults: Readonly<Record<string, () => void | Promise<void>>> = {
      "worker killed": () => this.#replace("SIGKILL"),
      "worker stopped in good order": () => this.#replace("SIGTERM"),
      "worker frozen": () => this.#freezeWorker(),
      "wire cut": () => this.#anyone().wire.cut(),
      "wire severed": () => this.#spoil((wire) => wire.sever(), 3000),
      "wire silent": () => this.#spoil((wire) => wire.freeze(), 2 * this.#stage.venue.recovery.silent),
      "wire slow": () => this.#spoil((wire) => wire.delay(20 + this.#chance() * 300), 3000),
      "wire trickling": () => this.#spoil((wire) => wire.trickle(), 1500),
      "server frozen": () => this.#freezeServer(),
      "server killed": () => this.#killServer(),
    };
    const name = this.#one(Object.keys(faults).filter((each) => each !== "server killed" || this.#mayKillServer()));
    this.#count.set(name, (this.#count.get(name) ?? 0) + 1);
    await faults[name]?.();
  }

  /** Waits until everything that lasts is over. */
  async end(): Promise<void> {
    await Promise.all(this.#lasting);
  }

  /** What was done, and how often. */
  told(): string {
    return [...this.#count].map(([name, count]) => `${name} ${count}×`).join(", ");
  }

  #one<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.#chance() * all.length)];
    if (one === undefined) throw new RangeError("there is nobody");
    return one;
  }

  #anyone(): Player {
    return this.#one([...this.#workers, ...this.#producers]);
  }

  async #replace(signal: NodeJS.Signals): Promise<void> {
    const victim = this.#one(this.#workers);
    victim.process.signal(signal);
    this.#workers[this.#workers.indexOf(victim)] = await this.#stage.worker({ concurrency: 10 });
  }

  #freezeWorker(): void {
    const { process } = this.#one(this.#workers);
    process.signal("SIGSTOP");
    this.#last(this.#chance() * 2 * this.#stage.venue.recovery.silent, () => process.signal("SIGCONT"));
  }

  #spoil(how: (wire: Player["wire"]) => void | Promise<void>, longest: number): void | Promise<void> {
    const { wire } = this.#anyone();
    this.#last(this.#chance() * longest, () => wire.restore());
    return how(wire);
  }

  async #freezeServer(): Promise<void> {
    this.#stage.server.pause();
    await pause(this.#chance() * 2000);
    this.#stage.server.resume();
  }

  /** Twice in a minute at most: a node of RabbitMQ takes its time. */
  #mayKillServer(): boolean {
    return SOAK || (this.#count.get("server killed") ?? 0) < 2;
  }

  async #killServer(): Promise<void> {
    await this.#stage.killServer(this.#chance() * 1000);
  }

  #last(milliseconds: number, end: () => void): void {
    const lasting: Promise<void> = pause(milliseconds).then(() => {
      end();
      this.#lasting.delete(lasting);
    });
    this.#lasting.add(lasting);
  }
}
