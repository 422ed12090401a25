/** Walks a live zod schema and draws its shape, once for what goes in and once for what comes out. */
import type * as z from "zod/v4/core";
import { asJson, keyword, toReadonly, unionOf, withoutUndefined } from "./shape.js";
import type { Constraint, Definition, Literal, Property, Shape, Side, TupleItem } from "./shape.js";

/** Which side of a schema: the value that is given to it, or the one that it gives. */
export type Direction = "input" | "output";

/** A message may nest this deep, so a schema that goes deeper without holding itself is refused. */
const MAX_DEPTH = 64;

/** Draws one side of a schema. `names` knows the schemas that their author has exported. */
export function drawSide(schema: z.$ZodType, direction: Direction, names: ReadonlyMap<unknown, string>): Side {
  const artist = new Artist(direction, names);
  const shape = artist.draw(schema, 0);
  return { shape, definitions: artist.definitions };
}

type Def = z.$ZodTypes["_zod"]["def"];

class Artist {
  readonly definitions: Record<string, Definition> = {};
  /** The schemas between the root and here. */
  readonly #open = new Set<z.$ZodType>();
  readonly #lazyNames = new Map<z.$ZodType, string>();
  /** The schemas that hold themselves, with their ids. */
  readonly #recursive = new Map<z.$ZodType, string>();

  constructor(
    readonly direction: Direction,
    readonly names: ReadonlyMap<unknown, string>,
  ) {}

  draw(schema: z.SomeType, depth: number): Shape {
    const node = schema as z.$ZodType;
    const def = definitionOf(node);
    if (def.type === "lazy") return this.#drawLazy(node, innerOfLazy(node, def), depth);
    const known = this.#recursive.get(node);
    if (known !== undefined) return { kind: "reference", id: known };
    if (this.#open.has(node)) return { kind: "reference", id: this.#name(node) };
    if (depth > MAX_DEPTH) {
      return foreign(`a schema nested deeper than ${MAX_DEPTH} levels`, "a flatter schema");
    }
    this.#open.add(node);
    const shape = this.#withConstraints(node, def, this.#drawNode(node, def, depth + 1));
    this.#open.delete(node);
    const id = this.#recursive.get(node);
    if (id === undefined) return shape;
    const json = asJson(shape, id);
    const name =
      this.names.get(node) ??
      this.#lazyNames.get(node) ??
      authorsName(node) ??
      (json === undefined ? undefined : "Json");
    this.definitions[id] = { shape: json ?? shape, ...(name === undefined ? {} : { name }) };
    return { kind: "reference", id };
  }

  /** A lazy schema is what it leads to; the name that it was exported by is that one's name. */
  #drawLazy(node: z.$ZodType, inner: z.$ZodType, depth: number): Shape {
    const name = this.names.get(node);
    if (name !== undefined) this.#lazyNames.set(inner, name);
    return this.draw(inner, depth + 1);
  }

  #name(node: z.$ZodType): string {
    const id = String(this.#recursive.size);
    this.#recursive.set(node, id);
    return id;
  }

  #withConstraints(node: z.$ZodType, def: Def, shape: Shape): Shape {
    if (this.direction === "output") return shape;
    const constraints = constraintsOf(node, def);
    return constraints.length === 0 ? shape : { ...shape, constraints };
  }

  #drawNode(node: z.$ZodType, def: Def, depth: number): Shape {
    const draw = (schema: z.SomeType) => this.draw(schema, depth);
    const isInput = this.direction === "input";
    switch (def.type) {
      case "string":
      case "number":
      case "boolean":
      case "bigint":
        return keyword(isInput && def.coerce === true ? "unknown" : def.type);
      case "date":
        return isInput && def.coerce === true ? keyword("unknown") : { kind: "global", name: "Date" };
      case "null":
      case "undefined":
      case "any":
      case "unknown":
      case "never":
      case "void":
      case "symbol":
        return keyword(def.type);
      case "nan":
        return isInput ? foreign("NaN", "z.number().nullable()") : keyword("number");
      case "literal":
        return unionOf(def.values.map(drawLiteral));
      case "enum":
        return unionOf(enumValues(def.entries).map(drawLiteral));
      case "template_literal":
        return { kind: "template", parts: def.parts.map((part) => this.#drawTemplatePart(part, depth)) };
      case "array":
        return { kind: "array", element: draw(def.element) };
      case "tuple":
        return this.#drawTuple(def, depth);
      case "object":
        return this.#drawObject(def, depth);
      case "record":
        return this.#drawRecord(def, depth);
      case "map":
        return { kind: "map", key: draw(def.keyType), value: draw(def.valueType) };
      case "set":
        return { kind: "set", value: draw(def.valueType) };
      case "union":
        return unionOf(def.options.map(draw));
      case "intersection":
        return { kind: "intersection", members: [draw(def.left), draw(def.right)] };
      case "optional":
        // `exactOptional` allows the key to be absent, not to hold undefined.
        return isExactOptional(node) ? draw(def.innerType) : orUndefined(draw(def.innerType));
      case "nullable":
        return unionOf([draw(def.innerType), keyword("null")]);
      case "default":
        return isInput ? orUndefined(draw(def.innerType)) : withoutUndefined(draw(def.innerType));
      case "prefault":
        return isInput ? orUndefined(draw(def.innerType)) : draw(def.innerType);
      case "nonoptional":
        return withoutUndefined(draw(def.innerType));
      case "success":
        return isInput ? draw(def.innerType) : keyword("boolean");
      case "catch":
        return draw(def.innerType);
      case "readonly":
        return toReadonly(draw(def.innerType));
      case "pipe":
        return draw(isInput ? def.in : def.out);
      case "transform":
        return { kind: "opaque" };
      case "custom":
        return drawCustom(node, isInput);
      case "file":
        return isInput ? foreign("a File", "its content as a string or as z.instanceof(Uint8Array)") : global("File");
      case "function":
        return foreign("a function", "data; a handler belongs to the worker");
      case "promise":
        return foreign("a promise", "the schema of what it resolves to");
      default:
        return foreign(`a schema of the kind "${String(def.type)}"`, "another schema");
    }
  }

  #drawTemplatePart(part: z.$ZodTemplateLiteralPart, depth: number): string | Shape {
    return typeof part === "object" && part !== null ? this.draw(part, depth) : String(part ?? "");
  }

  #drawObject(def: z.$ZodObjectDef, depth: number): Shape {
    const properties = Object.keys(def.shape).map((name): Property => {
      const schema = def.shape[name] as z.$ZodType;
      const docs = docsOf(schema);
      return {
        name,
        shape: this.draw(schema, depth),
        ...(this.#isOptional(schema) ? { optional: true } : {}),
        ...(docs === undefined ? {} : { docs }),
      };
    });
    if (def.catchall === undefined) return { kind: "object", properties };
    if (definitionOf(def.catchall).type === "never") return { kind: "object", properties, strict: true };
    return { kind: "object", properties, index: this.draw(def.catchall, depth) };
  }

  #drawTuple(def: z.$ZodTupleDef, depth: number): Shape {
    const required = def.items.findLastIndex((item) => !this.#isOptional(item as z.$ZodType)) + 1;
    const items = def.items.map((item, index): TupleItem => {
      const shape = this.draw(item, depth);
      return index < required ? { shape } : { shape, optional: true };
    });
    return def.rest === null
      ? { kind: "tuple", items }
      : { kind: "tuple", items, rest: this.draw(def.rest as z.$ZodType, depth) };
  }

  #drawRecord(def: z.$ZodRecordDef, depth: number): Shape {
    const key = this.draw(def.keyType, depth);
    const value = this.draw(def.valueType, depth);
    const isPartial = (def as { partial?: boolean }).partial === true;
    const mayLack = this.direction === "input" && isOptionalIn(def.valueType);
    return isPartial || mayLack ? { kind: "record", key, value, partial: true } : { kind: "record", key, value };
  }

  #isOptional(schema: z.$ZodType): boolean {
    return this.direction === "input" ? isOptionalIn(schema) : isOptionalOut(schema);
  }
}

function definitionOf(schema: z.SomeType): Def {
  return schema._zod.def as Def;
}

function innerOfLazy(node: z.$ZodType, def: z.$ZodLazyDef): z.$ZodType {
  return (node as z.$ZodLazy)._zod.innerType ?? def.getter();
}

function foreign(what: string, instead: string): Shape {
  return { kind: "foreign", what, instead };
}

function global(name: string): Shape {
  return { kind: "global", name };
}

function orUndefined(shape: Shape): Shape {
  return unionOf([withoutUndefined(shape), keyword("undefined")]);
}

function drawLiteral(value: z.util.Literal): Shape {
  if (value === null) return keyword("null");
  if (value === undefined) return keyword("undefined");
  const literal: Literal = typeof value === "bigint" ? { bigint: value.toString() } : value;
  return { kind: "literal", value: literal };
}

/** A TypeScript enum of numbers also holds its own reverse. */
function enumValues(entries: z.util.EnumLike): readonly (string | number)[] {
  const numbers = Object.values(entries).filter((value) => typeof value === "number");
  return Object.entries(entries)
    .filter(([key]) => !numbers.includes(Number(key)))
    .map(([, value]) => value);
}

function isExactOptional(node: z.$ZodType): boolean {
  return node._zod.traits.has("$ZodExactOptional");
}

function isPreprocess(node: z.SomeType): boolean {
  return node._zod.traits.has("$ZodPreprocess");
}

/** Classes whose instances the checker need not be asked about. */
const knownClasses = ["URL", "URLSearchParams", "RegExp", "Error", "ArrayBuffer", "Blob", "Headers"] as const;

function drawCustom(node: z.$ZodType, isInput: boolean): Shape {
  const constructor = (node as z.$ZodCustom)._zod.bag.Class as { readonly name: string } | undefined;
  if (constructor === undefined) return { kind: "opaque" };
  const { name } = constructor;
  const isGlobal = (globalThis as Record<string, unknown>)[name] === constructor;
  if (isGlobal && (name === "Date" || name === "Uint8Array")) return global(name);
  if (!isInput)
    return isGlobal && (knownClasses as readonly string[]).includes(name) ? global(name) : { kind: "opaque" };
  return foreign(`an instance of ${name || "a class"}`, insteadOfClass(name));
}

function insteadOfClass(name: string): string {
  if (name === "Map") return "z.map()";
  if (name === "Set") return "z.set()";
  if (name === "URL") return "z.url()";
  if (name === "Buffer" || name === "ArrayBuffer" || name.endsWith("Array")) return "z.instanceof(Uint8Array)";
  return "z.object() with its data, or z.codec() that makes the instance of data";
}

/**
 * Whether the type of a property is `key?`, by the same rules as zod's types. What `optin` says at run time differs:
 * there `z.undefined()` may be absent, and in the type it may not.
 */
function isOptionalIn(schema: z.SomeType): boolean {
  const def = definitionOf(schema);
  switch (def.type) {
    case "optional":
    case "default":
    case "prefault":
      return true;
    case "nullable":
    case "catch":
    case "readonly":
    case "success":
      return isOptionalIn(def.innerType);
    case "pipe":
      return isOptionalIn(isPreprocess(schema) ? def.out : def.in);
    case "lazy":
      return isOptionalIn(innerOfLazy(schema as z.$ZodType, def));
    case "union":
      return def.options.some(isOptionalIn);
    case "intersection":
      return isOptionalIn(def.left) && isOptionalIn(def.right);
    default:
      return false;
  }
}

/** The same for what comes out. */
function isOptionalOut(schema: z.SomeType): boolean {
  const def = definitionOf(schema);
  switch (def.type) {
    case "optional":
      return true;
    case "nullable":
    case "catch":
    case "readonly":
      return isOptionalOut(def.innerType);
    case "pipe":
      return isOptionalOut(def.out);
    case "lazy":
      return isOptionalOut(innerOfLazy(schema as z.$ZodType, def));
    case "union":
      return def.options.some(isOptionalOut);
    case "intersection":
      return isOptionalOut(def.left) && isOptionalOut(def.right);
    default:
      return false;
  }
}

/** The checks that a value must pass beside its type. Those that only change it (trim) are none. */
function constraintsOf(node: z.$ZodType, def: Def): readonly Constraint[] {
  // A format such as z.email() is a check of itself.
  const own = node._zod.traits.has("$ZodCheck") ? [def as unknown as z.$ZodCheckDef] : [];
  const attached = ((def as z.$ZodTypeDef).checks ?? []).map((check) => check._zod.def);
  return [...own, ...attached].flatMap(constraintOf);
}

interface LooseCheck {
  readonly check: string;
  readonly value?: unknown;
  readonly inclusive?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
  readonly size?: number;
  readonly format?: string;
  readonly pattern?: RegExp;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly includes?: string;
  readonly version?: string;
  readonly precision?: number | null;
  readonly offset?: boolean;
  readonly local?: boolean;
}

function constraintOf(def: z.$ZodCheckDef): readonly Constraint[] {
  const check = def as unknown as LooseCheck;
  switch (check.check) {
    case "less_than":
    case "greater_than":
      return [[check.check, plain(check.value), check.inclusive === true]];
    case "multiple_of":
      return [[check.check, plain(check.value)]];
    case "min_length":
    case "min_size":
      return [[check.check, check.minimum ?? 0]];
    case "max_length":
    case "max_size":
      return [[check.check, check.maximum ?? 0]];
    case "length_equals":
      return [[check.check, check.length ?? 0]];
    case "size_equals":
      return [[check.check, check.size ?? 0]];
    case "number_format":
    case "bigint_format":
      return [[check.check, check.format ?? ""]];
    case "string_format":
      return [[check.check, check.format ?? "", ...formatDetails(check)]];
    default:
      return [];
  }
}

/** zod's own patterns change between its versions, so only an author's pattern counts. */
function formatDetails(check: LooseCheck): readonly (string | number | boolean | null)[] {
  switch (check.format) {
    case "regex":
      return [check.pattern?.source ?? "", check.pattern?.flags ?? ""];
    case "starts_with":
      return [check.prefix ?? ""];
    case "ends_with":
      return [check.suffix ?? ""];
    case "includes":
      return [check.includes ?? ""];
    case "uuid":
      return [check.version ?? ""];
    case "datetime":
      return [check.precision ?? null, check.offset === true, check.local === true];
    case "time":
      return [check.precision ?? null];
    default:
      return [];
  }
}

function plain(value: unknown): string | number {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "number" ? value : String(value);
}

interface Meta {
  readonly id?: unknown;
  readonly description?: unknown;
  readonly deprecated?: unknown;
}

/** What `.meta()` and `.describe()` said. zod keeps it outside the schema, in a registry that all its copies share. */
function metaOf(schema: z.SomeType): Meta | undefined {
  const { __zod_globalRegistry: registry } = globalThis as {
    __zod_globalRegistry?: { get(schema: z.SomeType): Meta | undefined };
  };
  return registry?.get(schema);
}

/** The text that an author gave a schema, also beneath `.optional()` and its like. */
function docsOf(schema: z.SomeType): string | undefined {
  const meta = metaOf(schema);
  const lines = [
    ...(typeof meta?.description === "string" && meta.description !== "" ? [meta.description] : []),
    ...(meta?.deprecated === true ? ["@deprecated"] : []),
  ];
  if (lines.length > 0) return lines.join("\n");
  const def = definitionOf(schema);
  return "innerType" in def ? docsOf(def.innerType) : undefined;
}

function authorsName(schema: z.SomeType): string | undefined {
  const id = metaOf(schema)?.id;
  return typeof id === "string" ? id : undefined;
}
