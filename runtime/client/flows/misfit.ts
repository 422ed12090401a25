/** What the compiler shows where a part of a flow does not fit: the reason, in the place of a type. */

declare const misfit: unique symbol;

/** Stands for what would have to be there. Nothing is of this type: its name and arguments are the compiler's message. */
export interface Misfit<Why extends string, What> {
  readonly [misfit]: [Why, What];
}

/** Why a part that takes `Wanted` cannot follow one that gives `Given`. */
export type WhyNot<Given, Wanted> = [Given] extends [void]
  ? Misfit<"the part before it gives nothing, and it takes", Wanted>
  : [Wanted] extends [never]
    ? Misfit<"nothing fits what all of it takes, and it is given", Given>
    : [IsPlainObject<Given>, IsPlainObject<Wanted>] extends [true, true]
      ? [Lacking<Given, Wanted>] extends [never]
        ? Misfit<"the output before it does not fit", Clash<Given, Wanted>>
        : Misfit<"the output before it lacks", { [Name in Lacking<Given, Wanted>]: Wanted[Name] }>
      : Misfit<"the output before it does not fit", { given: Given; taken: Wanted }>;

/** Only the members that differ, as a message has little space. */
type Clash<Given, Wanted> = [Differing<Given, Wanted>] extends [never]
  ? { given: Given; taken: Wanted }
  : {
      given: { [Name in Differing<Given, Wanted>]: Given[Name] };
      taken: { [Name in Differing<Given, Wanted>]: Wanted[Name] };
    };

type IsPlainObject<T> = [T] extends [object] ? ([T] extends [readonly unknown[]] ? false : true) : false;

/** The members that have to be there and are not, or may be missing. */
type Lacking<Given, Wanted> = {
  [Name in keyof Wanted]-?: IsOptional<Wanted, Name> extends true
    ? never
    : Name extends keyof Given
      ? IsOptional<Given, Name> extends true
        ? Name
        : never
      : Name;
}[keyof Wanted];
type IsOptional<T, Name extends keyof T> = Record<never, never> extends Pick<T, Name> ? true : false;

type Differing<Given, Wanted> = {
  [Name in keyof Given & keyof Wanted]-?: [Given[Name]] extends [Wanted[Name]] ? never : Name;
}[keyof Given & keyof Wanted];
