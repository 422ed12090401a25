/** How often a kind of step is taken, beside the others. */
import fc from "fast-check";

/** What a record is made of. */
type Parts<T> = { readonly [K in keyof T]: fc.Arbitrary<T[K]> };

/** Steps with these parts, so many times as often as those with a weight of 1. */
export function times<T>(weight: number, parts: Parts<T>): fc.WeightedArbitrary<T> {
  return { weight, arbitrary: fc.record<T>(parts, { noNullPrototype: true }) };
}
