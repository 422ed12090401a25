/** What generated clients are built on. */
export { defineActor } from "../actor.js";
export type { Actor, ActorIdentity, InputOf, OutputOf, ReceivedOf, ReturnedOf } from "../actor.js";
export type { Broker } from "../broker.js";
export { createActorClient, createClient } from "./client.js";
export type { ActorClient, CallableClient, ClientOptions, GroupClient, SendOnlyClient, SendOptions } from "./client.js";
export type { Message, ResultOptions, SentMessage } from "./message.js";
