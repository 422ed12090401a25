/** Every default of Callboard, stated once. Durations are in milliseconds, sizes in bytes. */
export const defaults = {
  /** Actors: what a contract says nothing about. */
  actor: {
    queue: "default",
    partitions: 1,
    priority: 5,
    maxRetries: 20,
    minBackoff: 15_000,
    maxBackoff: 7 * 24 * 60 * 60_000,
    jitter: true,
    timeLimit: 10 * 60_000,
    isolate: false,
    notifyShutdown: false,
    resultTtl: 10 * 60_000,
  },
  /** Schedules. */
  schedules: {
    timeZone: "UTC",
    catchUp: "none",
    overlap: true,
    /** How long a worker leads without saying so again. */
    lease: 15_000,
    /** How long a computed input may take: it holds up the queue's other schedules, and is to be over within a lease. */
    inputTimeout: 10_000,
    /** How long a message of a schedule without overlaps holds up the next one at most. */
    overlapTtl: 24 * 60 * 60_000,
    /** How many missed ticks are caught up with at most. */
    mostMissed: 1000,
  },
  /** Unique messages. */
  unique: {
    mode: "drop",
    freeAtEnd: true,
  },
  /** Workers. */
  worker: {
    concurrency: 100,
    shutdownTimeout: 30_000,
    unknownActorGrace: 5 * 60_000,
    /** How often a worker says that it is there, and asks what is paused. */
    heartbeat: 2_000,
    /** A worker that has said nothing for so long is forgotten. */
    absence: 10_000,
  },
  /** Limits of concurrency and of rate, and those who wait for their turn. */
  limits: {
    lease: 15_000,
    /** How long a place is kept for a message that was called, until it is there; longer than a publish takes at most. */
    reservation: 15_000,
    sweepInterval: 5_000,
    /** How often an actor without limits is looked after that may have had some, and messages that wait for them. */
    remainderInterval: 60_000,
    /** How long no worker may know an actor whose messages wait for its limits, before they go back to their queue. */
    patience: 5 * 60_000,
  },
  /** Brokers, whichever they are. */
  broker: {
    lease: 15_000,
    sweepInterval: 5_000,
    deadLetterTtl: 7 * 24 * 60 * 60_000,
    /** From how many crashes on a message is handled alone, so that it is known who killed the next worker. */
    suspectCrashes: 2,
    maxCrashes: 5,
    publishTimeout: 10_000,
    /** How many dead letters are listed where no limit is given. */
    deadLetterLimit: 100,
    /** For how long a queue that nobody uses is still known. */
    queueMemory: 30 * 24 * 60 * 60_000,
    /** How long after it was due it is known that another message took the place of one. */
    replacedTtl: 7 * 24 * 60 * 60_000,
  },
  /** The RabbitMQ broker alone. */
  rabbitmq: {
    heartbeat: 10_000,
    maxInFlight: 100_000,
    maxInFlightCharacters: 256 * 1024 * 1024,
    maxKeptResults: 10_000,
    maxKeptCharacters: 64 * 1024 * 1024,
    replyQueueTtl: 10 * 60_000,
  },
  /** Clients. */
  client: {
    resultTimeout: 10_000,
    /** How long an id that a caller gave is accepted only once. */
    idTtl: 24 * 60 * 60_000,
  },
  /** What is known of single messages. */
  control: {
    /** How long a cancelled message is remembered, beside the time that it was held back: longer than all its retries take. */
    keepCancelled: 35 * 24 * 60 * 60_000,
    /** How long it is remembered once a worker has met it: it may be there twice. */
    keepMet: 60 * 60_000,
    /** How long the status of a message is kept that is not through. */
    keepStatus: 35 * 24 * 60 * 60_000,
    /** How often a handler's progress is told at most. */
    progressInterval: 100,
    /** How often one who follows a progress looks by himself, in case a word was lost. */
    progressLook: 5_000,
  },
  /** Pipelines and groups. */
  flow: {
    /** As long as its dead letters are kept, which may be replayed. */
    ttl: 7 * 24 * 60 * 60_000,
    /** How long it is kept for a step that waits for its turn under a limit, beside its own time. */
    longestTurn: 7 * 24 * 60 * 60_000,
    /** How long one that is through is kept, so that a step that comes again is known for it. */
    afterwards: 10 * 60_000,
    maxNodes: 10_000,
    maxDepth: 32,
  },
  /** What one message may be. */
  message: {
    maxBytes: 1024 * 1024,
    maxDepth: 64,
  },
} as const;
