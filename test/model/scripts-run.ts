/** Takes the same steps on the server and on the model, and looks after each whether both hold the same. */
import { expect } from "vitest";
import { asFirstAttempt } from "../../runtime/wire/dead-letter.js";
import type { MaybePromise } from "../../runtime/support/maybe.js";
import { bodyOf, nameOf, nextAttempt, type BodyKind } from "./body.js";
import { Client } from "./client.js";
import { priorityOf, type Message } from "./queue.js";
import { ScriptsModel } from "./scripts-model.js";
import type { ScriptsServer } from "./scripts-server.js";
import { SEATS, SUSPECTS_SEAT, type Step, type StepOf } from "./scripts-steps.js";
import { takesSuspects, type Held, type QueueScripts, type ScriptsState } from "./scripts.js";
import type { LaneState } from "./redis-keys.js";

/** Longer than anything lasts, in hours. */
const AGES = 100;

export class ScriptsRun {
  readonly #server: ScriptsServer;
  readonly #model = new ScriptsModel();
  /** Who takes now, by seat. */
  readonly #clients: Client[] = [];
  /** Everybody who ever took. */
  readonly #ids: string[] = [];
  readonly #sent: Message[] = [];
  /** The names of messages that are acked, or that died and were forgotten. */
  readonly #finished = new Set<string>();
  /** What is told in this step arrives in the consumer's program. */
  #heeded = true;
  #title = "at the beginning";
  #state: ScriptsState;

  private constructor(server: ScriptsServer) {
    this.#server = server;
    this.#state = this.#model.state;
  }

  /** Takes the steps on an empty server; afterwards a new consumer must find all that is not finished. */
  static async take(server: ScriptsServer, steps: readonly Step[]): Promise<void> {
    await server.reset();
    const run = new ScriptsRun(server);
    for (let seat = 0; seat < SEATS; seat++) await run.#enter(seat);
    for (const [i, step] of steps.entries()) {
      run.#title = `after step ${i + 1}: ${JSON.stringify(step)}`;
      await run.#step(step);
      run.#check();
    }
    run.#title = "at the end";
    await run.#drain();
  }

  async #step(step: Step): Promise<void> {
    this.#heeded = step.do !== "send" || step.heeded;
    switch (step.do) {
      case "send":
        return this.#send(this.#newMessage(step.priority, step.kind));
      case "send together":
        return this.#sendTogether(step);
      case "send again":
        return this.#sendAgain(step);
      case "send for later":
        return this.#sendForLater(step);
      case "take":
        return this.#take(step);
      case "retry":
        return this.#retry(step);
      case "reject":
        return this.#reject(step);
      case "release":
        return this.#settle(step, (queue, held) => queue.release(held));
      case "reconcile":
        return this.#reconcile(this.#client(step.seat));
      case "pass on":
        return this.#passOn(this.#client(step.seat));
      case "leave":
        return this.#leave(step.seat);
      case "die":
        return this.#die(step.seat);
      case "go deaf":
        return this.#goDeaf(this.#client(step.seat));
      case "hear again":
        return this.#hearAgain(this.#client(step.seat));
      case "hours pass":
        return this.#pass(step.hours);
      case "sweep and reap":
        return this.#recover();
      case "cancel":
        return this.#cancel(step);
      case "reap":
        return this.#reap(this.#ids[step.pick % this.#ids.length] ?? "");
      case "purge":
        return this.#both((queue) => queue.purge());
      case "replay":
        return this.#replay(step);
      case "lose leases":
        return this.#lose("leases", this.#state.main.consumers);
      case "lose consumers":
        return this.#lose("consumers", Object.keys(this.#state.main.leases));
    }
  }

  #send(message: Message): Promise<void> {
    return this.#both((queue) => queue.publish(message));
  }

  #sendTogether({ priority, count }: StepOf<"send together">): Promise<void> {
    const bodies = Array.from({ length: count }, () => this.#newMessage(priority).body);
    return this.#both((queue) => queue.push(priority, bodies));
  }

  /** The answer was lost, and the sender has tried again. */
  async #sendAgain({ pick }: StepOf<"send again">): Promise<void> {
    const message = this.#sent[pick % Math.max(1, this.#sent.length)];
    if (message === undefined || this.#finished.has(nameOf(message.body))) return;
    await this.#send(message);
  }

  #sendForLater({ messages }: StepOf<"send for later">): Promise<void> {
    const delayed = messages.map(({ hours, priority }) => ({ hours, ...this.#newMessage(priority) }));
    return this.#both((queue) => queue.delay(delayed));
  }

  async #take({ seat, want, acks, answered }: Omit<StepOf<"take">, "do">): Promise<void> {
    const client = this.#client(seat);
    const take = client.call(want, acks);
    const before = this.#lane(client).running[client.id] ?? {};
    const answer = await this.#both((queue) => queue.take(take));
    // Under a new name, as others have what it held.
    if (answer[0] === "lost") return this.#enter(seat);
    for (const field of take.acks) this.#finish(before[field]);
    if (!answered) return client.wake();
    const held = Object.entries(this.#lane(client).running[client.id] ?? {});
    client.learn(
      take,
      answer,
      new Map(held.flatMap(([field, body]) => (field in before ? [] : [[Number(field), body]]))),
    );
  }

  /** Some of all that were ever sent, whatever has become of them. */
  async #cancel({ picks }: StepOf<"cancel">): Promise<void> {
    const names = this.#sent.map(({ body }) => nameOf(body));
    const ids = [...new Set(picks.flatMap((pick) => names[pick % Math.max(1, names.length)] ?? []))];
    if (ids.length > 0) await this.#both((queue) => queue.cancel(ids));
  }

  #retry(step: StepOf<"retry">): Promise<void> {
    const { hours, priority } = step;
    return this.#settle(step, (queue, held, body) => queue.retry(held, { hours, priority, body: nextAttempt(body) }));
  }

  #reject(step: StepOf<"reject" | "release">): Promise<void> {
    return this.#settle(step, (queue, held, body) => {
      const id = nameOf(body);
      return queue.reject(held, id, JSON.stringify({ id, priority: priorityOf(held.field), body }));
    });
  }

  /** A consumer lets go of a message that it knows of; others may have it by now. */
  async #settle(
    { seat, pick }: { readonly seat: number; readonly pick: number },
    ask: (queue: QueueScripts, held: Held, body: string) => MaybePromise<number>,
  ): Promise<void> {
    const client = this.#client(seat);
    const field = client.pick(pick);
    const body = field === undefined ? undefined : client.known.get(field);
    if (field === undefined || body === undefined) return;
    await this.#both((queue) => ask(queue, { consumer: client.id, field }, body));
    client.known.delete(field);
  }

  async #reconcile(client: Client): Promise<void> {
    client.wake();
    await this.#both((queue) => queue.reconcile(client.id, [...client.known.keys()]));
  }

  async #passOn(client: Client): Promise<void> {
    client.wake();
    await this.#both((queue) => queue.passOn(client.id));
  }

  /** A consumer ends in good order; another one takes its seat. */
  async #leave(seat: number): Promise<void> {
    const { id } = this.#client(seat);
    await this.#both((queue) => queue.listen(id, false));
    await this.#both((queue) => queue.leave(id));
    await this.#enter(seat);
  }

  /** A consumer ends without a word; another one takes its seat. */
  async #die(seat: number): Promise<void> {
    await this.#goDeaf(this.#client(seat));
    await this.#enter(seat);
  }

  async #goDeaf(client: Client): Promise<void> {
    client.isDeaf = true;
    await this.#both((queue) => queue.listen(client.id, false));
  }

  async #hearAgain(client: Client): Promise<void> {
    client.isDeaf = false;
    client.wake();
    await this.#both((queue) => queue.listen(client.id, true));
  }

  async #enter(seat: number): Promise<void> {
    const former = this.#clients[seat];
    if (former !== undefined) await this.#both((queue) => queue.listen(former.id, false));
    const client = new Client(`${seat === SUSPECTS_SEAT ? "s" : "c"}${this.#ids.length}`);
    this.#clients[seat] = client;
    this.#ids.push(client.id);
    await this.#both((queue) => queue.listen(client.id, true));
  }

  async #pass(hours: number): Promise<void> {
    for (const client of this.#clients) client.pass(hours);
    await this.#both((queue) => queue.pass(hours));
  }

  /** What the sweeper does. */
  async #recover(): Promise<void> {
    const [, gone, ofSuspects] = await this.#both((queue) => queue.sweep());
    for (const id of [...gone, ...ofSuspects]) await this.#reap(id);
  }

  async #reap(id: string): Promise<void> {
    await this.#both((queue) => queue.reap(id));
  }

  async #replay({ pick }: StepOf<"reap" | "replay">): Promise<void> {
    const dead = Object.entries(this.#state.dead);
    const [id, { letter }] = dead[pick % Math.max(1, dead.length)] ?? [
      "nobody",
      { letter: '{"priority":5,"body":""}' },
    ];
    const { priority, body } = JSON.parse(letter) as Message;
    await this.#both((queue) => queue.replay(id, { priority, body: asFirstAttempt({ body }) }));
  }

  /** Somebody deletes a key. Not both: a consumer of whom nothing is known cannot be found. */
  async #lose(key: "leases" | "consumers", others: readonly string[]): Promise<void> {
    if (Object.keys(this.#state.main.running).every((consumer) => others.includes(consumer))) {
      await this.#both((queue) => queue.lose(key));
    }
  }

  /** All consumers die, all time passes: a new one finds whatever is not finished, and finishes it. */
  async #drain(): Promise<void> {
    for (let seat = 0; seat < SEATS; seat++) await this.#die(seat);
    await this.#pass(AGES);
    await this.#recover();
    await this.#finishAll(0);
    await this.#finishAll(SUSPECTS_SEAT);
    const { main, suspects, dead } = this.#state;
    const nothing = { ready: {}, delayed: [], running: {} };
    const rest = { main: contentsOf(main), suspects: contentsOf(suspects), dead };
    expect(rest, this.#title).toEqual({ main: nothing, suspects: nothing, dead: {} });
    expect([main.consumers.length, suspects.consumers.length], this.#title).toEqual([1, 1]);
    this.#check();
    expect([...this.#finished].sort(), this.#title).toEqual(this.#sent.map(({ body }) => nameOf(body)));
  }

  /** A consumer takes and acks until there is nothing left. */
  async #finishAll(seat: number): Promise<void> {
    do {
      const acks = [...this.#client(seat).known.keys()].map((_, i) => i);
      await this.#take({ seat, want: 10, acks, answered: true });
    } while (this.#client(seat).known.size > 0);
  }

  /** Asks server and model the same, and compares their answers and all that they hold afterwards. */
  async #both<T>(ask: (queue: QueueScripts) => MaybePromise<T>): Promise<T> {
    const answer = await ask(this.#server);
    const state = await this.#server.state();
    this.#model.begin((consumer) => consumer in state.main.idle || consumer in state.suspects.idle);
    const expected = await ask(this.#model);
    expect({ answer, ...state }, this.#title).toEqual({ answer: expected, ...this.#model.state });
    this.#learn(state);
    return answer;
  }

  #learn(state: ScriptsState): void {
    const dead = Object.values(this.#state.dead);
    this.#state = state;
    for (const word of state.words) this.#clients.find(({ id }) => id === word.consumer)?.hear(word, this.#heeded);
    // Dead letters are purged, or expire.
    const there = namesIn(state);
    for (const { letter } of dead) if (!there.has(nameOf(letter))) this.#finish(letter);
  }

  /** What is true after each step, whatever the model says. */
  #check(): void {
    const there = namesIn(this.#state);
    const names = this.#sent.map(({ body }) => nameOf(body));
    const lost = names.filter((name) => !there.has(name) && !this.#finished.has(name));
    expect(lost, `lost ${this.#title}`).toEqual([]);
    this.#checkSleepers(this.#state.main, this.#clients.slice(0, SUSPECTS_SEAT));
    this.#checkSleepers(this.#state.suspects, this.#clients.slice(SUSPECTS_SEAT));
  }

  /** Where everybody sleeps, nothing waits, and one wakes when the next message is due. */
  #checkSleepers({ ready, delayed }: LaneState, clients: readonly Client[]): void {
    if (!clients.every((client) => this.#isAsleep(client))) return;
    expect(ready, `everybody sleeps ${this.#title}`).toEqual({});
    const [next] = delayed;
    if (next === undefined) return;
    const inTime = clients.some((client) => !client.sleepsPast(Math.max(next.hours, 0)));
    expect(inTime, `nobody wakes in time ${this.#title}`).toBe(true);
  }

  /** The lane from which a consumer takes. */
  #lane({ id }: Client): LaneState {
    return takesSuspects(id) ? this.#state.suspects : this.#state.main;
  }

  #isAsleep(client: Client): boolean {
    return client.isAsleep && (this.#lane(client).leases[client.id] ?? 0) > 0;
  }

  #newMessage(priority: number, kind: BodyKind = "envelope"): Message {
    const message = { priority, body: bodyOf(this.#sent.length, kind) };
    this.#sent.push(message);
    return message;
  }

  #finish(body: string | undefined): void {
    if (body !== undefined) this.#finished.add(nameOf(body));
  }

  #client(seat: number): Client {
    const client = this.#clients[seat];
    if (client === undefined) throw new Error(`nobody has seat ${seat}`);
    return client;
  }
}

/** The messages of a lane. */
function contentsOf({ ready, delayed, running }: LaneState): Pick<LaneState, "ready" | "delayed" | "running"> {
  return { ready, delayed, running };
}

/** The names of all messages that a queue holds. */
function namesIn({ main, suspects, dead }: ScriptsState): ReadonlySet<string> {
  const bodies = [main, suspects].flatMap(({ ready, delayed, running }) => [
    ...Object.values(ready).flat(),
    ...delayed.map(({ body }) => body),
    ...Object.values(running).flatMap((held) => Object.values(held)),
  ]);
  return new Set([...bodies, ...Object.values(dead).map(({ letter }) => letter)].map(nameOf));
}
