/** What generated clients are built on. */
export { defineActor } from "../actor.js";
export type {
  Actor,
  ActorIdentity,
  InputOf,
  OutputOf,
  ProgressOf,
  ReceivedOf,
  ReportedOf,
  ReturnedOf,
} from "../actor.js";
export type { Broker } from "../seams/broker.js";
export type { Headers } from "../wire/envelope.js";
export { use } from "../middleware.js";
export type { MaybePlaced, Place, Placed } from "../middleware.js";
export type { Cancellation } from "./cancel.js";
export { createActorClient, createClient } from "./client.js";
export type {
  ActorClient,
  CallableClient,
  ClientOptions,
  GroupClient,
  SendManyOptions,
  SendOnlyClient,
  SendOptions,
  StepOptions,
} from "./client.js";
export type { ClientMiddleware, Outgoing, SendNext } from "./middleware.js";
export { group, pipeline } from "./flows/compose.js";
export type { Group, GroupOptions, Pipeline } from "./flows/compose.js";
export type { FlowMessage, FlowPart, MemberFailure, Settled } from "./flows/part.js";
export type { FlowOptions } from "./flows/sending.js";
export type { GroupResult, SentFlow, SentGroup } from "./flows/sent.js";
export type { Message, ProgressingMessage, ResultOptions, SentMessage, TrackedMessage } from "./message.js";
export type { ProgressOptions } from "./progress.js";
export type { MessageStatus } from "./status.js";
export type { ScheduleClient, ScheduleInfo } from "./schedules.js";
