/** Takes the same steps with a broker and with the model, and looks after each whether both hold the same. */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { DeadLetterInit, Delivery, Publication } from "../../runtime/seams/broker.js";
import { asFirstAttempt } from "../../runtime/wire/dead-letter.js";
import { LeaseLostError } from "../../runtime/vocabulary/errors.js";
import { bodyOf, crashesOf, nameOf, nextAttempt } from "./body.js";
import { HOUR, QueueModel, type Delayed } from "./queue.js";
import { DEAD_LETTER_HOURS, inWords, QUEUE, queueInWords, type SeamState, type Venue } from "./seam.js";
import { SEATS, type Sent, type Step, type StepOf } from "./seam-steps.js";
import { Seat } from "./seat.js";
import { turn } from "../support/eventually.js";

/** Longer than anything lasts, in hours. */
const AGES = 1000;

/** Which message of which consumer. */
interface Pick {
  readonly seat: number;
  readonly pick: number;
}

export class SeamRun {
  readonly #venue: Venue;
  readonly #model: QueueModel;
  readonly #seats: Seat[] = [];
  /** Consumers whose process has died and whose lease still lasts, in the order of their deaths. */
  #dying: Seat[] = [];
  /** The names of all messages that were sent. */
  readonly #sent: string[] = [];
  /** The names of those that were acked or died. */
  readonly #finished = new Set<string>();
  #seated = 0;
  #title = "at the beginning";

  private constructor(venue: Venue) {
    this.#venue = venue;
    this.#model = new QueueModel(venue.sameHour);
  }

  /** Takes the steps in an empty queue; afterwards a new consumer must find all that is not finished. */
  static async take(venue: Venue, steps: readonly Step[]): Promise<void> {
    await venue.reset();
    const run = new SeamRun(venue);
    try {
      for (let seat = 0; seat < SEATS; seat++) run.#enter(seat);
      for (const [i, step] of steps.entries()) {
        run.#title = `after step ${i + 1}: ${JSON.stringify(step)}`;
        await run.#step(step);
        await run.#agree();
      }
      run.#title = "at the end";
      await run.#drain();
    } finally {
      await Promise.all(run.#seats.map(({ broker }) => broker.close()));
    }
  }

  #step(step: Step): Promise<void> {
    switch (step.do) {
      case "send":
        return this.#send(step.messages);
      case "take":
        return this.#take(this.#seat(step.seat), step.want);
      case "ack":
        return this.#ack(step);
      case "retry":
        return this.#retry(step);
      case "reject":
        return this.#reject(step);
      case "release":
        return this.#release(step);
      case "close":
        return this.#close(step.seat);
      case "expire":
        return this.#expire(this.#seat(step.seat));
      case "die":
        return this.#die(step.seat);
      case "hours pass":
        return this.#pass(step.hours);
      case "replay":
        return this.#replay(step);
      case "purge":
        return this.#purge();
    }
  }

  async #send(messages: readonly Sent[]): Promise<void> {
    const publications = messages.map(({ hours, priority, kind }) => {
      const body = bodyOf(this.#sent.length, kind);
      this.#sent.push(nameOf(body));
      this.#add({ hours, priority, body });
      return publication({ hours, priority, body });
    });
    await this.#seat(0).broker.publish(publications);
  }

  async #take(seat: Seat, want: number): Promise<void> {
    const first = seat.reserve(want);
    this.#model.promote();
    const expected = this.#model.take(seat.name, want, first);
    seat.beginToTake(want);
    await this.#venue.poke();
    await this.#eventually(() => seat.arrived === expected.length);
    const arrived = seat.endToTake();
    expect(
      arrived.map(({ priority, body }) => `${priority}: ${inWords(body)}`),
      this.#title,
    ).toEqual(expected.map(({ priority, body }) => `${priority}: ${inWords(body)}`));
    for (const [i, delivery] of arrived.entries()) seat.held.set((first + i) * 10 + delivery.priority, delivery);
  }

  #ack(step: Pick): Promise<void> {
    return this.#settle(
      step,
      (delivery) => delivery.ack(),
      (seat, field, body) => {
        this.#model.letGo(seat.name, field);
        this.#finished.add(nameOf(body));
      },
    );
  }

  #retry({ hours, priority, ...step }: StepOf<"retry">): Promise<void> {
    return this.#settle(
      step,
      (delivery) => delivery.retry(publication({ hours, priority, body: nextAttempt(delivery.body) })),
      (seat, field, body) => {
        this.#model.letGo(seat.name, field);
        this.#add({ hours, priority, body: nextAttempt(body) });
      },
    );
  }

  #reject(step: Pick): Promise<void> {
    return this.#settle(
      step,
      (delivery) => delivery.reject(letterOf(delivery)),
      (seat, field, body) => {
        this.#model.letGo(seat.name, field);
        this.#model.bury(nameOf(body), body);
        this.#finished.add(nameOf(body));
      },
    );
  }

  #release(step: Pick): Promise<void> {
    return this.#settle(
      step,
      (delivery) => delivery.release(),
      (seat, field) => this.#model.putBack(seat.name, [field]),
    );
  }

  /** Settles a message that a consumer was given; refused where it does not hold it any longer. */
  async #settle(
    step: Pick,
    act: (delivery: Delivery) => Promise<void>,
    follow: (seat: Seat, field: number, body: string) => void,
  ): Promise<void> {
    const seat = this.#seat(step.seat);
    const [field, delivery] = [...seat.held].at(step.pick % Math.max(1, seat.held.size)) ?? [];
    if (field === undefined || delivery === undefined) return;
    seat.held.delete(field);
    const body = this.#model.body(seat.name, field);
    expect(await outcome(act(delivery)), this.#title).toBe(body === undefined ? "refused" : "settled");
    if (body !== undefined) follow(seat, field, body);
  }

  /** A consumer ends in good order; another one takes its seat. */
  async #close(n: number): Promise<void> {
    const { name, consumer, broker } = this.#seat(n);
    await consumer.close();
    await broker.close();
    this.#model.putBack(name, this.#model.fields(name));
    this.#enter(n);
  }

  /** A consumer's lease ends, and it does not know. */
  async #expire(seat: Seat): Promise<void> {
    if (!this.#makesSuspects(seat)) await this.#end(seat);
  }

  /** Whether messages would become suspects by its death: what is done with those, the model of the scripts shows. */
  #makesSuspects({ name }: Seat): boolean {
    return this.#model.bodies(name).some((body) => crashesOf(body) + 1 >= this.#venue.suspectCrashes);
  }

  async #end({ name, consumer }: Seat): Promise<void> {
    await this.#venue.expire(consumer, this.#model.bodies(name));
    this.#model.recover(name, () => this.#model);
  }

  /** A consumer ends without a word; another one takes its seat. */
  async #die(n: number): Promise<void> {
    const seat = this.#seat(n);
    if (this.#makesSuspects(seat)) return this.#close(n);
    await seat.broker.close();
    this.#dying.push(seat);
    this.#enter(n);
  }

  /** In some hours, the leases of the dead are over. */
  async #pass(hours: number): Promise<void> {
    for (const seat of this.#dying.splice(0)) await this.#end(seat);
    await this.#venue.pass(hours);
    this.#model.pass(hours);
    this.#model.forget(DEAD_LETTER_HOURS);
    if (this.#venue.promotes) this.#model.promote();
  }

  async #replay({ pick }: StepOf<"replay">): Promise<void> {
    const { deadLetters } = this.#seat(0).broker;
    const letters = await deadLetters.list(QUEUE);
    const letter = letters
      .toSorted((one, other) => (one.id < other.id ? -1 : 1))
      .at(pick % Math.max(1, letters.length));
    expect(await deadLetters.replay(QUEUE, letter?.id ?? "nobody"), this.#title).toBe(letter !== undefined);
    if (letter === undefined) return;
    this.#model.dig(letter.id);
    this.#model.add({ priority: letter.priority, body: asFirstAttempt(letter) });
  }

  async #purge(): Promise<void> {
    const count = Object.keys(this.#model.state.dead).length;
    expect(await this.#seat(0).broker.deadLetters.purge(QUEUE), this.#title).toBe(count);
    this.#model.forget(0);
  }

  /** All consumers end, all time passes: a new one finds whatever is not finished, and finishes it. */
  async #drain(): Promise<void> {
    for (let n = 0; n < SEATS; n++) await this.#die(n);
    await this.#pass(AGES);
    const seat = this.#seat(0);
    do {
      while (seat.held.size > 0) await this.#ack({ seat: 0, pick: 0 });
      await this.#take(seat, 100);
    } while (seat.held.size > 0);
    await this.#agree();
    expect(this.#model.state, this.#title).toEqual({ ready: {}, delayed: [], running: {}, dead: {} });
    expect([...this.#finished].sort(), this.#title).toEqual(this.#sent);
  }

  /** Waits until the broker holds what the model holds. */
  async #agree(): Promise<void> {
    const { held, ...expected } = queueInWords(this.#model.state);
    const isRight = (state: SeamState) =>
      isDeepStrictEqual({ ...expected, held: state.held && held }, { held: undefined, ...state });
    let state = await this.#venue.state();
    await this.#eventually(async () => isRight((state = await this.#venue.state())));
    expect(state, this.#title).toEqual({ ...expected, held: state.held && held });
  }

  /** Waits until something is as it should be, but not for ever: then there is more to say of it than that it is not. */
  async #eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + this.#venue.patience;
    await turn();
    while (!(await condition()) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  #add(message: Delayed): void {
    if (message.hours > 0) this.#model.delay(message);
    else this.#model.add(message);
  }

  #enter(n: number): void {
    this.#seats[n] = new Seat(this.#venue.connect(), `c${this.#seated++}`);
  }

  #seat(n: number): Seat {
    const seat = this.#seats[n];
    if (seat === undefined) throw new Error(`nobody has seat ${n}`);
    return seat;
  }
}

function publication({ hours, priority, body }: Delayed): Publication {
  return { id: nameOf(body), queue: QUEUE, priority, delay: hours * HOUR, body };
}

function letterOf({ queue, priority, body }: Delivery): DeadLetterInit {
  const error = { name: "Error", message: "it did not work" };
  return { id: nameOf(body), queue, priority, reason: "retries-exhausted", error, attempts: 1, body };
}

async function outcome(settling: Promise<void>): Promise<"settled" | "refused"> {
  try {
    await settling;
    return "settled";
  } catch (error) {
    if (error instanceof LeaseLostError) return "refused";
    throw error;
  }
}
