/** Callboard's vocabulary: what contracts, handlers and producers are written with. Never loads a driver. */

// Contracts
export { actor } from "./vocabulary/contract.js";
export type {
  ActorOptions,
  CatchUp,
  Contract,
  ErrorClass,
  ExhaustedMessage,
  MadeScheduleOf,
  Priority,
  ScheduleOf,
  ScheduleOptions,
  Signature,
  Tick,
  UniqueMode,
  UniqueOptions,
} from "./vocabulary/contract.js";
export type { Duration } from "./vocabulary/duration.js";

// Handlers
export { DoNotRetry, NotImplementedError, RetryLater } from "./vocabulary/errors.js";
export { currentTask } from "./worker/current-task.js";
export type { ProgressTask, Task } from "./worker/task.js";
export type { Logger } from "./worker/logger.js";

// Producers
export type { Cancellation } from "./client/cancel.js";
export type { Message, ProgressingMessage, ResultOptions, SentMessage, TrackedMessage } from "./client/message.js";
export type { ProgressOptions } from "./client/progress.js";
export type { MessageStatus } from "./client/status.js";
export type { SendOptions } from "./client/client.js";

// Sealed messages
export { createSeal } from "./wire/seal.js";
export type { Seal, SealOptions } from "./wire/seal.js";

// Brokers
export { MemoryBackend, memoryBroker } from "./brokers/memory/index.js";
export type { MemoryBrokerOptions } from "./brokers/memory/index.js";
export type { Broker, DeadLetter, DeadLetterFate, DeadLetterFilter, DeadLetters } from "./seams/broker.js";
export type { Clock } from "./support/clock.js";

// Limits by hand
export { barrier } from "./limiters/barrier.js";
export type { Barrier, BarrierOptions, BarrierWaitOptions } from "./limiters/barrier.js";
export { concurrencyLimiter, rateLimiter } from "./limiters/limiters.js";
export type {
  AcquireOptions,
  ConcurrencyLimiter,
  ConcurrencyLimiterOptions,
  RateLimiter,
  RateLimiterOptions,
  Slot,
} from "./limiters/limiters.js";

// Errors
export {
  BarrierExpiredError,
  BrokerClosedError,
  BrokerRefusedError,
  BrokerUnavailableError,
  CallboardError,
  CancelledError,
  CompileError,
  ExpiredError,
  FlowExpiredError,
  FlowFailedError,
  InvalidInputError,
  InvalidOptionError,
  InvalidOutputError,
  InvalidProgressError,
  InvalidKeyError,
  LeaseLostError,
  MessageTooLargeError,
  MissingHandlerError,
  RateLimitedError,
  NotSentError,
  RemoteFailureError,
  ResultTimeoutError,
  ShutdownError,
  ThreadLostError,
  SlotLostError,
  TimeLimitError,
  UndecodableError,
  UnknownActorError,
  UnsealableError,
} from "./vocabulary/errors.js";
export type { DeadReason, ErrorCode, FailedStep, Issue, PendingState, RemoteError } from "./vocabulary/errors.js";
