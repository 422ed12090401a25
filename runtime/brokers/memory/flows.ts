/** Flows in memory. */
import type { Begun, CancelledFlow, Ended, FlowInit, FlowStore, StepPlace } from "../../seams/flows.js";
import type { FlowPlace } from "../../wire/envelope.js";
import type { MemoryBackend } from "./backend.js";
import { MemoryFlow } from "./flow.js";

export class MemoryFlows implements FlowStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async create(id: string, init: FlowInit): Promise<void> {
    const { clock, flows } = this.#backend;
    const flow = new MemoryFlow(init, () => clock.now());
    flows.set(id, flow);
    const expire = () => {
      const left = flow.expires - clock.now();
      if (left <= 0) flows.delete(id);
      else clock.after(left, expire, { background: true });
    };
    clock.after(init.ttl, expire, { background: true });
  }

  async begin(place: FlowPlace): Promise<Begun> {
    return this.#find(place.id)?.begin(place) ?? { kind: "expired" };
  }

  async done(place: FlowPlace, value: string): Promise<Ended> {
    return this.#find(place.id)?.done(place.node, value) ?? { kind: "expired" };
  }

  async dead(place: FlowPlace, error: string): Promise<Ended> {
    return this.#find(place.id)?.dead(place.node, error) ?? { kind: "expired" };
  }

  async cancelStep({ id, node }: StepPlace, error: string): Promise<Ended> {
    const flow = this.#find(id);
    return flow?.isStep(node) === true ? flow.dead(node, error, "cancelled") : { kind: "expired" };
  }

  async extend(id: string, milliseconds: number): Promise<void> {
    this.#find(id)?.extend(milliseconds);
  }

  async cancel(id: string): Promise<CancelledFlow | undefined> {
    return this.#find(id)?.cancel();
  }

  #find(id: string): MemoryFlow | undefined {
    const flow = this.#backend.flows.get(id);
    return flow !== undefined && flow.expires > this.#backend.clock.now() ? flow : undefined;
  }
}
