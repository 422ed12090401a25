/** Steps that end at once where they can: a promise costs more than most of what a quick message needs. */

/** A value, or the promise of one. */
export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value: at once where it is there already. */
export function andThen<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Takes a step and answers what it throws, now or later. */
export function orElse<T>(step: () => MaybePromise<T>, rescue: (error: unknown) => MaybePromise<T>): MaybePromise<T> {
  try {
    const value = step();
    return value instanceof Promise ? value.catch(rescue) : value;
  } catch (error) {
    return rescue(error);
  }
}

/** Waits for all of them; at once where none is under way. */
export function allOf<T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
  const known = values.filter((value): value is T => !(value instanceof Promise));
  return known.length === values.length ? known : Promise.all(values);
}

/** What user code returned: anything with a `then` is waited for, as `await` would. */
export function settled(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("then" in value)) return value;
  return value instanceof Promise ? value : Promise.resolve(value);
}
