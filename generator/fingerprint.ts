/** A short hash of what travels: it changes when the wire side of a contract does, and by nothing else. */
import { createHash } from "node:crypto";
import { byCodeUnit } from "./problems.js";
import type { Shape, Side } from "./shape.js";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The fingerprint of an actor, of the wire sides of its input and output. */
export function fingerprint(input: readonly Side[], output: readonly Side[]): string {
  const document: Json = { input: input.map(canonicalSide), output: output.map(canonicalSide) };
  return createHash("sha256").update(canonicalText(document)).digest("hex").slice(0, 8);
}

function canonicalSide(side: Side): Json {
  // References are numbered in the order of this walk, so that the order of properties does not matter.
  const numbers = new Map<string, number>();

  function canonical(shape: Shape): Json {
    const { constraints = [] } = shape;
    const content = describe(shape);
    if (constraints.length === 0) return content;
    return { is: content, checks: sorted(constraints.map((constraint) => [...constraint])) };
  }

  function describe(shape: Shape): Json {
    switch (shape.kind) {
      case "keyword":
      case "global":
        return shape.name;
      case "literal":
        return { literal: shape.value };
      case "template":
        return { template: shape.parts.map((part) => (typeof part === "string" ? { text: part } : canonical(part))) };
      case "array":
        return { array: canonical(shape.element) };
      case "tuple":
        return {
          tuple: shape.items.map(({ shape: item, optional }) => [canonical(item), optional === true]),
          rest: shape.rest === undefined ? null : canonical(shape.rest),
        };
      case "object": {
        const properties = shape.properties.toSorted((a, b) => byCodeUnit(a.name, b.name));
        return {
          object: properties.map(({ name, shape: child, optional }) => [name, canonical(child), optional === true]),
          other: shape.strict === true ? false : shape.index === undefined ? null : canonical(shape.index),
        };
      }
      case "record":
        return { record: [canonical(shape.key), canonical(shape.value), shape.partial === true] };
      case "map":
        return { map: [canonical(shape.key), canonical(shape.value)] };
      case "set":
        return { set: canonical(shape.value) };
      case "union":
        return { union: sorted(shape.members.map(canonical)) };
      case "intersection":
        return { intersection: sorted(shape.members.map(canonical)) };
      case "readonly":
        return canonical(shape.inner);
      case "reference": {
        const known = numbers.get(shape.id);
        if (known !== undefined) return { reference: known };
        numbers.set(shape.id, numbers.size);
        const definition = side.definitions[shape.id];
        return definition === undefined ? null : canonical(definition.shape);
      }
      case "opaque":
        return { opaque: true };
      case "foreign":
        return { foreign: shape.what };
    }
  }

  return canonical(side.shape);
}

/** Texts that are equal become one: a union's repetition says nothing. */
function sorted(values: readonly Json[]): Json {
  const byText = new Map(values.map((value) => [canonicalText(value), value]));
  return [...byText].sort(([a], [b]) => byCodeUnit(a, b)).map(([, value]) => value);
}

/** JSON with the keys of each object in one order. */
function canonicalText(value: Json): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalText(item)).join(",")}]`;
  const entries = Object.entries(value as { readonly [key: string]: Json }).sort(([a], [b]) => byCodeUnit(a, b));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalText(item)}`).join(",")}}`;
}
