/** A flow laid out as a graph of numbered nodes, from the parts that a person composed. */
import type { Broker } from "../../seams/broker.js";
import { defaults } from "../../vocabulary/defaults.js";
import { InvalidOptionError } from "../../vocabulary/errors.js";
import type { FlowNode } from "../../seams/flows.js";
import type { Seal } from "../../wire/seal.js";
import type { GroupPart, Part, StepPart } from "./part.js";

/** A flow that is laid out. Its nodes are numbered by their order. */
export interface Plan {
  readonly broker: Broker;
  readonly nodes: readonly PlannedNode[];
  /** The node with which the flow is through. */
  readonly last: number;
  /** Where a client of it seals. */
  readonly seal: Seal | undefined;
  /** How long results are waited for that nobody says, in milliseconds. */
  readonly resultTimeout: number;
}

/** A step or a join; how the two are told apart. */
export type PlannedNode = Omit<FlowNode, "message" | "delay"> & {
  /** For people: `step 2, member 1`. */
  readonly place: string;
  /** The producer sends it itself. */
  readonly head?: true;
  /** Absent for a join. */
  readonly step?: StepPart;
};

type Draft = { -readonly [K in keyof PlannedNode]: PlannedNode[K] };

/** Some nodes that belong together: those that begin it, and the one that ends it. */
interface Stretch {
  readonly heads: readonly number[];
  readonly end: number;
}

/** Lays a flow out. Throws `InvalidOptionError` where it cannot be sent. */
export function layOut(root: Part): Plan {
  const planner = new Planner();
  const { heads, end } = planner.add(root, "", 0);
  const { nodes } = planner;
  planner.at(end).last = true;
  planner.at(end).told = true;
  // The members of the outermost group are told of one by one; of those that are steps, their own result is.
  if (root.kind === "group") for (const member of planner.at(end).of ?? []) tellJoin(planner.at(member));
  for (const head of heads) markHead(planner.at(head));
  const steps = nodes.flatMap(({ step }) => step ?? []);
  const [first] = steps;
  if (first === undefined) throw new InvalidOptionError("A flow needs at least one message.");
  const { broker, resultTimeout } = first.sender;
  if (steps.some(({ sender }) => sender.broker !== broker)) {
    throw new InvalidOptionError("All steps of a flow must be sent by clients of one broker.");
  }
  const seal = steps.find(({ sender }) => sender.seal !== undefined)?.sender.seal;
  return { broker, nodes, last: end, seal, resultTimeout };
}

function tellJoin(node: Draft): void {
  if (node.step === undefined) node.told = true;
}

function markHead(node: Draft): void {
  const { step, place } = node;
  node.head = true;
  if (step?.given !== undefined) return;
  const actor = step?.sender.actor.name ?? "";
  throw new InvalidOptionError(
    `${place} (${actor}) has no input: nothing comes before it. Give it one: .message(input).`,
  );
}

class Planner {
  readonly nodes: Draft[] = [];

  /** Adds a part. `place` says where it stands; empty for the whole. */
  add(part: Part, place: string, depth: number): Stretch {
    const { maxDepth } = defaults.flow;
    if (depth > maxDepth) throw new InvalidOptionError(`A flow may be nested ${maxDepth} deep; this one is deeper.`);
    switch (part.kind) {
      case "step": {
        const end = this.#append({ place, step: part });
        return { heads: [end], end };
      }
      case "pipeline":
        return this.#pipeline(flattened(part), place, depth);
      case "group":
        return this.#group(part, place, depth);
    }
  }

  at(index: number): Draft {
    const node = this.nodes[index];
    if (node === undefined) throw new RangeError(`there is no node ${index}`);
    return node;
  }

  #append(node: Draft): number {
    const { maxNodes } = defaults.flow;
    if (this.nodes.length >= maxNodes) {
      throw new InvalidOptionError(`A flow may have ${maxNodes} steps and groups; this one has more.`);
    }
    return this.nodes.push(node) - 1;
  }

  #pipeline(steps: readonly Part[], place: string, depth: number): Stretch {
    let whole: Stretch | undefined;
    for (const [index, step] of steps.entries()) {
      const stretch = this.add(step, within(place, `step ${index + 1}`), depth + 1);
      if (whole !== undefined) this.#connect(whole.end, stretch.heads);
      whole = { heads: whole?.heads ?? stretch.heads, end: stretch.end };
    }
    if (whole === undefined) throw new InvalidOptionError("A pipeline needs at least one step.");
    return whole;
  }

  /** What begins after a node: with what came of it, or with an input of its own. */
  #connect(before: number, heads: readonly number[]): void {
    const given = heads.filter((head) => this.at(head).step?.given !== undefined);
    const taking = heads.filter((head) => this.at(head).step?.given === undefined);
    const node = this.at(before);
    if (taking.length > 0) node.next = [...(node.next ?? []), ...taking];
    if (given.length > 0) node.after = [...(node.after ?? []), ...given];
  }

  #group({ members, collects, onComplete }: GroupPart, place: string, depth: number): Stretch {
    if (members.length === 0) throw new InvalidOptionError("A group needs at least one member.");
    const stretches = members.map((member, index) => {
      const start = this.nodes.length;
      const stretch = this.add(member, within(place, `member ${index + 1}`), depth + 1);
      if (collects) this.#collect(start, stretch.end);
      return stretch;
    });
    const of = stretches.map(({ end }) => end);
    const end = this.#append({ place, of, ...(collects && { collects }) });
    for (const member of of) this.at(member).join = end;
    if (onComplete !== undefined) {
      const aside = this.#append({ place: within(place, "onComplete"), step: onComplete, aside: true });
      this.#connect(end, [aside]);
    }
    return { heads: stretches.flatMap(({ heads }) => heads), end };
  }

  /** The steps since `start` are a member of a group that collects, which ends with `end`. */
  #collect(start: number, end: number): void {
    for (const node of this.nodes.slice(start)) {
      if (node.step !== undefined && node.aside === undefined) node.falls ??= end;
    }
  }
}

function within(place: string, part: string): string {
  return place === "" ? part : `${place}, ${part}`;
}

/** The steps of a pipeline, with those of pipelines in it. */
function flattened(part: Part): readonly Part[] {
  return part.kind === "pipeline" ? part.steps.flatMap(flattened) : [part];
}
