/** Where a middleware stands among the others: what workers and clients have in common of it. */
import { InvalidOptionError } from "./vocabulary/errors.js";
import { refuseUnknownOptions } from "./support/given-options.js";
import { nearest } from "./vocabulary/nearest.js";

/** Where a middleware is put. Default: last, next to the handler or to the broker. */
export interface Place {
  /** Its own name, so that others can be put beside it. Default: the function's. */
  readonly name?: string;
  /** Outside of the one that is named so. */
  readonly before?: string;
  /** Inside of the one that is named so, next to it. */
  readonly after?: string;
  /** Instead of the one that is named so. It has its name then. */
  readonly replace?: string;
}

/** A middleware and where it is put. */
export interface Placed<M> {
  readonly middleware: M;
  readonly place: Place;
}

/** A middleware, put last or where it is told. */
export type MaybePlaced<M> = M | Placed<M>;

const placeNames = ["name", "before", "after", "replace"] as const satisfies (keyof Place)[];

/** Says where a middleware is put: `use(audit, { before: "retries" })`. */
export function use<M extends (...args: never) => unknown>(middleware: M, place: Place = {}): Placed<M> {
  if (typeof middleware !== "function") throw new InvalidOptionError("A middleware must be a function.");
  refuseUnknownOptions("use", place, placeNames);
  const places = [place.before, place.after, place.replace].filter((name) => name !== undefined);
  if (places.length > 1) throw new InvalidOptionError('Give one of "before", "after" and "replace".');
  return { middleware, place };
}

/** A step of an onion. */
export interface Layer<L> {
  readonly name: string;
  readonly layer: L;
}

/** The built-in layers with those of a user among them, the outermost first. `wrap` makes a layer of his middleware. */
export function arrange<L, M extends (...args: never) => unknown>(
  builtin: readonly Layer<L>[],
  given: readonly MaybePlaced<M>[],
  wrap: (middleware: M) => L,
): readonly Layer<L>[] {
  const layers = [...builtin];
  for (const each of given) {
    const { middleware, place } = typeof each === "function" ? use(each) : use(each.middleware, each.place);
    const name = place.replace ?? place.name ?? (middleware.name || "middleware");
    const layer = { name, layer: wrap(middleware) };
    if (place.replace !== undefined) layers[find(layers, place.replace)] = layer;
    else if (place.before !== undefined) layers.splice(find(layers, place.before), 0, layer);
    else if (place.after !== undefined) layers.splice(find(layers, place.after) + 1, 0, layer);
    else layers.push(layer);
  }
  return layers;
}

function find(layers: readonly Layer<unknown>[], name: string): number {
  const index = layers.findIndex((each) => each.name === name);
  if (index !== -1) return index;
  const names = layers.map((each) => each.name);
  const near = nearest(name, names);
  const help = near === undefined ? `There are: ${names.join(", ")}.` : `Did you mean "${near}"?`;
  throw new InvalidOptionError(`There is no middleware "${name}". ${help}`);
}
