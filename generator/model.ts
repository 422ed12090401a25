/** All that emitters know: one readonly value, made of the contracts' sources and of what they are at run time. */
import type { ResolvedOptions } from "../runtime/vocabulary/options.js";
import type { Place } from "./problems.js";
import type { Side } from "./shape.js";

/** The contracts of a project. */
export interface Model {
  readonly groups: readonly Group[];
}

/** One contract file that declares actors. */
export interface Group {
  /** What generated code calls it: `billingUserMail`. */
  readonly name: string;
  /** Its path: `contracts/billing/user-mail.ts`. */
  readonly file: string;
  /** Its path without folder and extension: `billing/user-mail`. */
  readonly stem: string;
  /** In the order of the file. */
  readonly actors: readonly ActorModel[];
}

/** One actor. */
export interface ActorModel {
  /** The name of its export: `processPayment`. */
  readonly name: string;
  /** Its name on the wire: `payments.processPayment`. */
  readonly wireName: string;
  readonly place: Place;
  /** The text of its doc comment. */
  readonly docs: string | undefined;
  readonly options: ResolvedOptions;
  readonly fingerprint: string;
  /** What a producer sends. */
  readonly input: Side;
  /** What its handler receives. */
  readonly received: Side;
  /** What a caller receives; absent for fire and forget. */
  readonly output: Side | undefined;
  /** What its handler returns. */
  readonly returned: Side | undefined;
  /** What a caller learns of its progress; absent where there is none. */
  readonly progress: Side | undefined;
  /** What its handler tells of it. */
  readonly reported: Side | undefined;
  /** Whether it is recorded how its messages stand. */
  readonly tracked: boolean;
  readonly taggedInput: boolean;
  readonly taggedOutput: boolean;
  readonly taggedProgress: boolean;
}
