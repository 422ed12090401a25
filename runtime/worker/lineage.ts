/** The names of an error's classes: a contract and a handler that are bundled apart have a copy of each class. */
import type { ErrorClass } from "../vocabulary/contract.js";

/** What is known of errors that came from elsewhere, where their classes are. */
const remembered = new WeakMap<Error, readonly string[]>();

/** Notes the classes that an error had where it was thrown. */
export function rememberLineage(error: Error, names: readonly string[]): void {
  remembered.set(error, names);
}

/** Its own name, then those of its class and of all above that; none for what is no error. */
export function lineageOf(thrown: unknown): readonly string[] {
  if (!(thrown instanceof Error)) return [];
  const known = remembered.get(thrown);
  if (known !== undefined) return known;
  const names = [thrown.name];
  for (
    let above: unknown = Object.getPrototypeOf(thrown);
    above instanceof Error;
    above = Object.getPrototypeOf(above)
  ) {
    names.push(above.constructor.name);
  }
  return [...names, Error.name];
}

/** Whether an error belongs to one of some classes: by the class itself, or by a name in its lineage. */
export function belongsTo(thrown: unknown, classes: readonly ErrorClass[]): boolean {
  if (classes.length === 0) return false;
  const names = lineageOf(thrown);
  return classes.some((each) => thrown instanceof each || names.includes(each.name));
}
