/** The generator's own picture of a type: plain JSON, made from a zod schema or by the type checker, printed as TypeScript. */

/** A value that can stand in a type. */
export type Literal = string | number | boolean | { readonly bigint: string };

/** A type that TypeScript has a word for. */
export type Keyword =
  "string" | "number" | "boolean" | "bigint" | "null" | "undefined" | "unknown" | "any" | "never" | "void" | "symbol";

/** A part of a type. `constraints` are what a schema demands beyond it; they count for the fingerprint only. */
export type Shape = { readonly constraints?: readonly Constraint[] } & (
  | { readonly kind: "keyword"; readonly name: Keyword }
  /** A class that every JavaScript of today knows: Date, Uint8Array, URL. */
  | { readonly kind: "global"; readonly name: string }
  | { readonly kind: "literal"; readonly value: Literal }
  | { readonly kind: "template"; readonly parts: readonly (string | Shape)[] }
  | { readonly kind: "array"; readonly element: Shape; readonly readonly?: true }
  | {
      readonly kind: "tuple";
      readonly items: readonly TupleItem[];
      readonly rest?: Shape;
      readonly readonly?: true;
    }
  | {
      readonly kind: "object";
      readonly properties: readonly Property[];
      /** What other keys may hold. */
      readonly index?: Shape;
      readonly readonlyIndex?: true;
      /** Other keys are refused. */
      readonly strict?: true;
    }
  | { readonly kind: "record"; readonly key: Shape; readonly value: Shape; readonly partial?: true }
  | { readonly kind: "map"; readonly key: Shape; readonly value: Shape; readonly readonly?: true }
  | { readonly kind: "set"; readonly value: Shape; readonly readonly?: true }
  | { readonly kind: "union"; readonly members: readonly Shape[] }
  | { readonly kind: "intersection"; readonly members: readonly Shape[] }
  | { readonly kind: "readonly"; readonly inner: Shape }
  /** A type that holds itself: see `Side.definitions`. */
  | { readonly kind: "reference"; readonly id: string }
  /** A type that the schema does not know at run time, and the type checker does. */
  | { readonly kind: "opaque" }
  /** Something that can neither travel nor be printed. */
  | { readonly kind: "foreign"; readonly what: string; readonly instead: string }
);

/** An element of a tuple. */
export interface TupleItem {
  readonly shape: Shape;
  readonly optional?: true;
}

/** A property of an object. */
export interface Property {
  readonly name: string;
  readonly shape: Shape;
  readonly optional?: true;
  readonly readonly?: true;
  /** The text of its doc comment. */
  readonly docs?: string;
}

/** What a schema demands beyond its type: `["min_length", 1]`. */
export type Constraint = readonly [name: string, ...values: (string | number | boolean | null)[]];

/** One side of a schema: what goes in, or what comes out. */
export interface Side {
  readonly shape: Shape;
  /** The types that hold themselves, by the id that references carry. */
  readonly definitions: Readonly<Record<string, Definition>>;
}

/** A type that needs a name, because it holds itself. */
export interface Definition {
  readonly shape: Shape;
  /** The name that its author gave it, where one is known. */
  readonly name?: string;
}

/** A keyword as a shape. */
export function keyword(name: Keyword): Shape {
  return { kind: "keyword", name };
}

/** The shape of any of these; one alone is itself. */
export function unionOf(members: readonly Shape[]): Shape {
  const flat = members.flatMap((member) => (member.kind === "union" ? member.members : [member]));
  const [first] = flat;
  return flat.length === 1 && first !== undefined ? first : { kind: "union", members: flat };
}

/** The type of `z.json()`, any plain value, as it holds itself by this id. */
function jsonOf(id: string): Shape {
  const self: Shape = { kind: "reference", id };
  return unionOf([
    ...(["string", "number", "boolean"] as const).map(keyword),
    { kind: "array", element: self },
    { kind: "record", key: keyword("string"), value: self },
    keyword("null"),
  ]);
}

/** The same type in one order where it is that of `z.json()`; `undefined` where it is another one. */
export function asJson(shape: Shape, id: string): Shape | undefined {
  if (shape.kind !== "union") return undefined;
  const json = jsonOf(id);
  const texts = (of: Shape) => (of.kind === "union" ? of.members.map((member) => JSON.stringify(member)) : []);
  const wanted = new Set(texts(json));
  const found = new Set(texts(shape));
  return found.size === wanted.size && [...found].every((text) => wanted.has(text)) ? json : undefined;
}

/** Whether a shape is this keyword. */
export function isKeyword(shape: Shape, name: Keyword): boolean {
  return shape.kind === "keyword" && shape.name === name;
}

/** The shape without `undefined` among its members. */
export function withoutUndefined(shape: Shape): Shape {
  if (isKeyword(shape, "undefined")) return keyword("never");
  if (shape.kind !== "union") return shape;
  return unionOf(shape.members.filter((member) => !isKeyword(member, "undefined")));
}

/** The shape that TypeScript's `Readonly` makes of it: one level, no deeper. */
export function toReadonly(shape: Shape): Shape {
  switch (shape.kind) {
    case "union":
      return { ...shape, members: shape.members.map(toReadonly) };
    case "array":
    case "tuple":
    case "map":
    case "set":
      return { ...shape, readonly: true };
    case "object": {
      const properties = shape.properties.map((property) => ({ ...property, readonly: true as const }));
      return shape.index === undefined ? { ...shape, properties } : { ...shape, properties, readonlyIndex: true };
    }
    case "record":
    case "intersection":
    case "reference":
      return { kind: "readonly", inner: shape };
    default:
      return shape;
  }
}

/** The shapes that a shape is made of, each with the words that lead to it. */
export function children(shape: Shape): readonly { readonly step: string; readonly shape: Shape }[] {
  switch (shape.kind) {
    case "template":
      return shape.parts.flatMap((part) => (typeof part === "string" ? [] : [{ step: "", shape: part }]));
    case "array":
      return [{ step: "[]", shape: shape.element }];
    case "tuple":
      return [
        ...shape.items.map((item, index) => ({ step: `[${index}]`, shape: item.shape })),
        ...(shape.rest === undefined ? [] : [{ step: "[]", shape: shape.rest }]),
      ];
    case "object":
      return [
        ...shape.properties.map(({ name, shape: child }) => ({ step: `.${name}`, shape: child })),
        ...(shape.index === undefined ? [] : [{ step: "[key]", shape: shape.index }]),
      ];
    case "record":
    case "map":
      return [
        { step: "(key)", shape: shape.key },
        { step: shape.kind === "map" ? "(value)" : "[key]", shape: shape.value },
      ];
    case "set":
      return [{ step: "(value)", shape: shape.value }];
    case "union":
    case "intersection":
      return shape.members.map((member) => ({ step: "", shape: member }));
    case "readonly":
      return [{ step: "", shape: shape.inner }];
    default:
      return [];
  }
}

/** Whether a side holds a type that only the type checker knows. */
export function isOpaque(side: Side): boolean {
  const holds = (shape: Shape): boolean =>
    shape.kind === "opaque" || children(shape).some(({ shape: child }) => holds(child));
  return holds(side.shape) || Object.values(side.definitions).some(({ shape }) => holds(shape));
}
