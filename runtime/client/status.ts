/** How a message stands, as its sender records it first and as anybody may ask. */
import type { Publication } from "../seams/broker.js";
import { controlsOf, type ControlStore, type StatusRecord } from "../seams/controls.js";
import { defaults } from "../vocabulary/defaults.js";
import type { DeadReason, RemoteError } from "../vocabulary/errors.js";
import type { Sender } from "./message.js";

/** How a message stands. Times are the broker's. */
export type MessageStatus =
  /** It waits for a worker; `due`: it is held back until then. */
  | { readonly state: "waiting"; readonly due?: Date }
  /** A worker runs it, or ran it when it died. */
  | {
      readonly state: "running";
      readonly since: Date;
      /** Which attempt this is, from 1. */
      readonly attempt: number;
      readonly worker: { readonly host: string; readonly pid: number };
    }
  /** An attempt failed, and the next one is due then. */
  | { readonly state: "retrying"; readonly attempt: number; readonly error: RemoteError; readonly due: Date }
  | { readonly state: "done" }
  | { readonly state: "dead"; readonly reason: DeadReason; readonly error: RemoteError }
  | { readonly state: "cancelled" }
  /** Nothing is recorded: it was never sent, or it ended long ago. */
  | { readonly state: "unknown" };

export async function readStatus({ broker, actor }: Sender, id: string): Promise<MessageStatus> {
  const { status } = await controlsOf(broker, `${actor.name}: status()`).read(id);
  if (status === undefined) return { state: "unknown" };
  switch (status.state) {
    case "waiting":
      return status.due !== undefined && status.due > (await broker.now())
        ? { state: "waiting", due: new Date(status.due) }
        : { state: "waiting" };
    case "running":
      return { ...status, since: new Date(status.since) };
    case "retrying":
      return { ...status, due: new Date(status.due) };
    case "done":
    case "dead":
    case "cancelled":
      return status;
  }
}

/**
 * Records that messages wait, beside their sending. What is not recorded does not keep a message from being sent, and
 * whatever became of it in the meantime counts more.
 */
export async function noteSending({ broker }: Sender, controls: ControlStore, sent: readonly Publication[]) {
  const note = async ({ id, delay }: Publication) => {
    const status: StatusRecord =
      delay > 0 ? { state: "waiting", due: (await broker.now()) + delay } : { state: "waiting" };
    await controls.track(id, status, { ttl: defaults.control.keepStatus + delay, first: true });
  };
  await Promise.all(sent.map((publication) => note(publication).catch(() => undefined)));
}
