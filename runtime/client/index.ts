/** What generated clients are built on. */
export { defineActor } from "../actor.js";
export type { Actor, ActorIdentity, InputOf, OutputOf, ReceivedOf, ReturnedOf } from "../actor.js";
export type { Broker } from "../broker.js";
export { createActorClient } from "./client.js";
export type { ActorClient, CallableClient, SendOptions, SendOnlyClient, ClientOptions } from "./client.js";
export type { Message, ResultOptions, SentMessage } from "./message.js";
