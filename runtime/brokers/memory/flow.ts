/** One flow in memory: its nodes, and what happened to each. */
import {
  isLoose,
  type Begun,
  type CancelledFlow,
  type Ended,
  type FlowInit,
  type FlowNode,
  type Following,
  type ReadyStep,
} from "../../seams/flows.js";
import type { FlowPlace } from "../../wire/envelope.js";

/** What happened to a node. */
interface Progress {
  /** How many messages were handed out for it. */
  copies: number;
  /** The copy that runs. */
  begun?: number;
  /** It is dead, and was not begun again since; or it was cancelled, for good. */
  dead?: "dead" | "cancelled" | undefined;
  /** How it ended: with a value or with an error, as JSON; a join has neither. */
  end?: { readonly value: string } | { readonly error: string } | "closed";
  /** Of a join: how many members have not ended. */
  left: number;
  /** Of a join: the step that ended last. */
  closer?: number;
}

/** What follows the end of a step, while it is gathered. */
interface Gathering {
  readonly ready: ReadyStep[];
  readonly told: number[];
  readonly values: Map<number, string>;
  /** How long a step that is handed out is held back at most, in milliseconds. */
  held: number;
}

export class MemoryFlow {
  readonly #init: FlowInit;
  readonly #now: () => number;
  readonly #progress: readonly Progress[];
  /** The step that the flow failed with first. */
  #failed: number | undefined;
  #cancelled = false;
  /** Its last node has ended. */
  #through = false;
  #expires: number;

  constructor(init: FlowInit, now: () => number) {
    this.#init = init;
    this.#now = now;
    this.#progress = init.nodes.map(({ of, message }) => ({
      copies: of === undefined && message === undefined ? 1 : 0,
      left: of?.length ?? 0,
    }));
    this.#expires = now() + init.ttl;
  }

  /** When it is forgotten. */
  get expires(): number {
    return this.#expires;
  }

  /** Whether a number that a person gave is that of a step. */
  isStep(node: number): boolean {
    const there = this.#init.nodes[node];
    return there !== undefined && there.of === undefined;
  }

  begin({ node, copy }: FlowPlace): Begun {
    if (this.#cancelled) return { kind: "cancelled" };
    const step = this.#at(node);
    if (isDone(step)) return { kind: "ended", following: this.#follow(node, node, false) };
    if (step.dead === "cancelled") return { kind: "dropped" };
    step.begun ??= copy;
    if (step.begun !== copy) return { kind: "elsewhere" };
    step.dead = undefined;
    this.extend(0);
    return { kind: "run" };
  }

  done(node: number, value: string): Ended {
    if (this.#cancelled) return { kind: "cancelled" };
    if (this.#at(node).dead === "cancelled") return { kind: "late" };
    if (this.#failed === node) this.#failed = undefined;
    const following = this.#follow(node, node, this.#end(node, { value }));
    return { kind: "ended", following, failed: false, fell: undefined };
  }

  dead(node: number, error: string, how: "dead" | "cancelled" = "dead"): Ended {
    if (this.#cancelled) return { kind: "cancelled" };
    const step = this.#at(node);
    if (isDone(step)) return { kind: "late" };
    if (step.dead === "dead" && how === "cancelled") {
      return { kind: "ended", following: this.#nothing(), failed: false, fell: undefined };
    }
    if (step.dead !== "cancelled") step.dead = how;
    const { aside, falls } = this.#node(node);
    if (aside === true) return { kind: "ended", following: this.#nothing(), failed: false, fell: undefined };
    if (falls !== undefined) {
      const following = this.#follow(node, falls, this.#end(falls, { error }));
      return { kind: "ended", following, failed: false, fell: falls };
    }
    this.#failed ??= node;
    return { kind: "ended", following: this.#nothing(), failed: this.#failed === node, fell: undefined };
  }

  /** Keeps it for longer, never for less, unless it is over. */
  extend(milliseconds: number): void {
    const { ttl, afterwards } = this.#init;
    this.#expires = this.#isOver()
      ? this.#now() + afterwards
      : Math.max(this.#expires, this.#now() + ttl + milliseconds);
  }

  /** Whether nothing more can happen to it: it is through, and no step goes on, or is dead and may be replayed. */
  #isOver(): boolean {
    const isOpen = (node: FlowNode, index: number) => {
      const step = this.#at(index);
      return isLoose(node) && step.copies > 0 && !isDone(step) && step.dead !== "cancelled";
    };
    return this.#through && !this.#init.nodes.some(isOpen);
  }

  cancel(): CancelledFlow | undefined {
    const open = [...this.#progress.keys()].filter((node) => {
      const { copies, end } = this.#at(node);
      return copies > 0 && end === undefined;
    });
    const goesOn = open.some((node) => this.#at(node).dead === undefined && this.#node(node).aside !== true);
    if (!goesOn) return undefined;
    this.#cancelled = true;
    return { meta: this.#init.meta, open };
  }

  /** Whether it is the first end of the node. */
  #end(node: number, end: NonNullable<Progress["end"]>): boolean {
    const progress = this.#at(node);
    if (progress.end !== undefined) return false;
    progress.end = end;
    return true;
  }

  #nothing(): Following {
    this.extend(0);
    return { meta: this.#init.meta, ready: [], told: [], values: new Map() };
  }

  /** Gathers what follows a node, because of a step that ended, just now (`first`) or before. */
  #follow(step: number, node: number, first: boolean): Following {
    const gathering: Gathering = { ready: [], told: [], values: new Map(), held: 0 };
    this.#gather(gathering, step, node, first);
    this.extend(gathering.held);
    const { ready, told, values } = gathering;
    return { meta: this.#init.meta, ready, told, values };
  }

  #gather(gathering: Gathering, step: number, node: number, first: boolean): void {
    const { told, next = [], after = [], last, join } = this.#node(node);
    if (told === true) {
      gathering.told.push(node);
      gathering.values.set(node, this.#cameOf(node));
    }
    for (const each of next) this.#handOut(gathering, each, node);
    for (const each of after) this.#handOut(gathering, each, undefined);
    if (last === true) this.#through = true;
    if (join === undefined) return;
    // A join is closed by the step that ended last in it; only that one hands out what follows, also when it comes again.
    const group = this.#at(join);
    if (!first) {
      if (group.closer === step) this.#gather(gathering, step, join, false);
    } else if (--group.left === 0 && this.#end(join, "closed")) {
      group.closer = step;
      this.#gather(gathering, step, join, true);
    }
  }

  #handOut(gathering: Gathering, node: number, source: number | undefined): void {
    const step = this.#at(node);
    if (step.begun !== undefined) return;
    const { message = "", delay = 0 } = this.#node(node);
    gathering.ready.push({ node, copy: ++step.copies, message, source });
    gathering.held = Math.max(gathering.held, delay);
    if (source !== undefined) gathering.values.set(source, this.#cameOf(source));
  }

  #cameOf(node: number): string {
    const { end } = this.#at(node);
    if (typeof end === "object") return "value" in end ? end.value : end.error;
    const { of = [], collects } = this.#node(node);
    const list = `[${of.map((member) => this.#cameOf(member)).join(",")}]`;
    return collects === true ? `{"settled":${list}}` : list;
  }

  #node(index: number): FlowNode {
    return found(this.#init.nodes[index], index);
  }

  #at(index: number): Progress {
    return found(this.#progress[index], index);
  }
}

function isDone({ end }: Progress): boolean {
  return typeof end === "object" && "value" in end;
}

function found<T>(value: T | undefined, index: number): T {
  if (value === undefined) throw new RangeError(`the flow has no node ${index}`);
  return value;
}
