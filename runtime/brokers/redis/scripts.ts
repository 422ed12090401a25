/** The broker's Lua scripts. What each takes and returns stands in its own header. */
import { createHash } from "node:crypto";
import type { RedisClient } from "./connection.js";
import awaitResult from "./await-result.lua";
import arriveAtBarrier from "./barrier-arrive.lua";
import createBarrier from "./barrier-create.lua";
import lookAtBarrier from "./barrier-look.lua";
import beat from "./beat.lua";
import cancel from "./cancel.lua";
import cancelled from "./cancelled.lua";
import claim from "./claim.lua";
import claims from "./claims.lua";
import claimBegin from "./claim-begin.lua";
import claimConfirm from "./claim-confirm.lua";
import claimFree from "./claim-free.lua";
import claimMeet from "./claim-meet.lua";
import claimWithdraw from "./claim-withdraw.lua";
import delay from "./delay.lua";
import free from "./free.lua";
import flowCancel from "./flow-cancel.lua";
import flowCreate from "./flow-create.lua";
import flowExtend from "./flow-extend.lua";
import flowStep from "./flow-step.lua";
import held from "./held.lua";
import leave from "./leave.lua";
import lead from "./lead.lua";
import lib from "./lib.lua";
import meet from "./meet.lua";
import noteQueue from "./note-queue.lua";
import offerResult from "./offer-result.lua";
import acquireLimits from "./limits-acquire.lua";
import advanceLimits from "./limits-advance.lua";
import attendLimits from "./limits-attend.lua";
import declineLimits from "./limits-decline.lua";
import publishedLimits from "./limits-published.lua";
import releaseLimits from "./limits-release.lua";
import renewLimits from "./limits-renew.lua";
import limits from "./limits.lua";
import passOn from "./pass-on.lua";
import pause from "./pause.lua";
import publish from "./publish.lua";
import putSchedule from "./put-schedule.lua";
import putResults from "./put-results.lua";
import reap from "./reap.lua";
import reconcile from "./reconcile.lua";
import reject from "./reject.lua";
import release from "./release.lua";
import removeSchedule from "./remove-schedule.lua";
import replaced from "./replaced.lua";
import replay from "./replay.lua";
import retry from "./retry.lua";
import stats from "./stats.lua";
import sweep from "./sweep.lua";
import take from "./take.lua";
import takeAndBeat from "./take-and-beat.lua";
import tellRecord from "./tell-record.lua";
import wake from "./wake.lua";

/** A script on the server. */
export class Script<Reply> {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = `${lib}\n${source}`;
    this.#sha = createHash("sha1").update(this.#source).digest("hex");
  }

  /** Runs it by its hash, and sends its text where the server does not have it (again). */
  async run(redis: RedisClient, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    try {
      return (await redis.evalsha(this.#sha, keys.length, ...keys, ...args)) as Reply;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return (await redis.eval(this.#source, keys.length, ...keys, ...args)) as Reply;
    }
  }
}

/** A script as a function of its keys and arguments, for one that runs several. */
function asFunction(name: string, source: string): string {
  return `local function ${name}(KEYS, ARGV)\n${source}\nend`;
}

/**
 * What `take` took: the milliseconds to the next due message; whether the consumer is idle now (2: the queue is paused);
 * whether it was told something since it was idle; the version of what is cancelled; the bodies by lines; then priorities
 * and how many of each.
 */
export type Taken = readonly [
  due: number,
  idle: 0 | 1 | 2,
  told: 0 | 1,
  version: number,
  bodies: string,
  ...prioritiesAndCounts: number[],
];

/** What `take` returns. */
export type TakeReply = readonly ["lost"] | Taken;

/** What `sweep` returns: whether suspects wait, the consumers to reap, those of the suspects, and whether to sweep again. */
export type SweepReply = readonly [
  suspects: 0 | 1,
  gone: readonly string[],
  ofSuspects: readonly string[],
  more: 0 | 1,
];

/** What `stats` returns: -1 stands for none. `waiting` is by priority, 9 first. */
export type StatsReply = readonly [
  waiting: readonly number[],
  delayed: number,
  running: number,
  dead: number,
  suspects: number,
  oldestAge: number,
  nextDue: number,
];

/** What `flowStep` returns. */
export type FlowReply =
  | readonly ["expired" | "cancelled" | "dropped" | "elsewhere" | "run" | "late"]
  | readonly [
      "ended",
      meta: string,
      failed: 0 | 1,
      fell: string,
      ready: readonly (string | number)[],
      told: readonly string[],
      values: readonly string[],
    ];
/** What `cancel` found of a message: it is dead; it is in nobody's hands; a consumer has it. */
export type CancelReply = 0 | 1 | 2;

/** What `cancelled` returns: the version, the server's time, then ids and until when each is remembered. */
export type CancelledReply = readonly [version: number, now: number, ...idsAndExpiries: (string | number)[]];
/** What is told of those who wait for limits: the milliseconds until one is due, or -1; id, turn and publication of each call. */
export type ProgressReply = readonly [next: number, calls: readonly string[]];

/** What `limits.acquire` returns. */
export type AcquireReply = readonly ["placed" | "parked", ProgressReply] | readonly ["refused", wait: number];
/** What `lead` returns: how long to wait; or how it leads. */
export type LeadReply =
  | readonly [leads: 0, left: number]
  | readonly [
      leads: 1,
      now: number,
      begins: 0 | 1,
      gap: number,
      version: number,
      ticks: readonly string[],
      made: readonly string[],
    ];

/** What `claim` returns of a message. */
export type ClaimReply = readonly [holder: string, sent: 0 | 1] | readonly [wrong: string, sent: -1];

/** What `claims.begin` returns. */
export type BeginReply = readonly ["claimed"] | readonly ["taken", id: string] | readonly ["pending", left: number];

export const scripts = {
  awaitResult: new Script<string | null>(awaitResult),
  barrier: {
    arrive: new Script<0 | 1 | null>(arriveAtBarrier),
    create: new Script<0 | 1>(createBarrier),
    look: new Script<readonly [isComplete: 0 | 1, lasts: number] | null>(lookAtBarrier),
  },
  beat: new Script<readonly string[]>(beat),
  cancel: new Script<readonly CancelReply[]>(`${held}\n${cancel}`),
  cancelled: new Script<CancelledReply>(cancelled),
  claim: new Script<readonly ClaimReply[]>(`${held}\n${claim}`),
  /** Those of messages that are sent elsewhere. */
  claims: {
    begin: new Script<BeginReply>(`${claims}\n${claimBegin}`),
    confirm: new Script<string>(`${claims}\n${claimConfirm}`),
    free: new Script<null>(`${claims}\n${claimFree}`),
    meet: new Script<"runs" | "copy" | "replaced">(`${claims}\n${claimMeet}`),
    withdraw: new Script<null>(`${claims}\n${claimWithdraw}`),
  },
  delay: new Script<number>(delay),
  free: new Script<null>(free),
  flowCancel: new Script<readonly [meta: string, open: readonly number[]] | null>(flowCancel),
  flowCreate: new Script<null>(flowCreate),
  flowExtend: new Script<null>(flowExtend),
  flowStep: new Script<FlowReply>(flowStep),
  lead: new Script<LeadReply>(lead),
  leave: new Script<number>(leave),
  meet: new Script<0 | 1>(meet),
  noteQueue: new Script<null>(noteQueue),
  offerResult: new Script<string | null>(offerResult),
  limits: {
    acquire: new Script<AcquireReply>(`${limits}\n${acquireLimits}`),
    advance: new Script<ProgressReply>(`${limits}\n${advanceLimits}`),
    attend: new Script<readonly string[]>(attendLimits),
    decline: new Script<ProgressReply>(`${limits}\n${declineLimits}`),
    published: new Script<number>(`${limits}\n${publishedLimits}`),
    release: new Script<ProgressReply>(`${limits}\n${releaseLimits}`),
    renew: new Script<readonly string[]>(renewLimits),
  },
  passOn: new Script<0 | 1>(passOn),
  pause: new Script<null>(pause),
  publish: new Script<number>(publish),
  putSchedule: new Script<null>(putSchedule),
  putResults: new Script<null>(putResults),
  reap: new Script<number>(reap),
  reject: new Script<0 | 1>(reject),
  reconcile: new Script<number>(reconcile),
  release: new Script<0 | 1>(release),
  removeSchedule: new Script<0 | 1>(removeSchedule),
  replaced: new Script<0 | 1>(replaced),
  replay: new Script<0 | 1>(replay),
  retry: new Script<0 | 1>(retry),
  stats: new Script<StatsReply>(stats),
  sweep: new Script<SweepReply>(sweep),
  take: new Script<TakeReply>(take),
  takeAndBeat: new Script<readonly [taken: TakeReply, pauses: readonly string[]]>(
    [asFunction("take", take), asFunction("beat", beat), takeAndBeat].join("\n"),
  ),
  tellRecord: new Script<null>(tellRecord),
  wake: new Script<null>(wake),
} as const;
