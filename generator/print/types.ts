/** Prints shapes as TypeScript types, laid out as prettier would. */
import { children, isKeyword, type Property, type Shape } from "../shape.js";
import { docComment } from "./comments.js";
import { group, hardline, ifBroken, indent, join, layOut, line, softline, type Doc } from "./layout.js";
import { propertyName, quote } from "./names.js";

/** The names of the types that hold themselves, by the ids of references. */
export type ReferenceNames = (id: string) => string;

/** A type on one line, for comparing. */
export function printFlat(shape: Shape, names: ReferenceNames): string {
  return layOut(typeDoc(shape, names), { width: Number.POSITIVE_INFINITY });
}

/** The document of a type. `parent` is what it stands in: it decides about parentheses and indentation. */
export function typeDoc(shape: Shape, names: ReferenceNames, parent: Parent = "property"): Doc {
  const draw = (child: Shape, within: Parent) => typeDoc(child, names, within);
  switch (shape.kind) {
    case "keyword":
      return shape.name;
    case "global":
      return shape.name;
    case "literal":
      return printLiteral(shape.value);
    case "template":
      return printTemplate(shape.parts, names);
    case "array":
      return arrayDoc(shape.readonly === true, draw(shape.element, "element"), parent);
    case "tuple": {
      const items = shape.items.map(({ shape: item, optional }) =>
        optional === true ? [draw(item, "optional"), "?"] : draw(item, "tuple"),
      );
      const rest = shape.rest === undefined ? [] : [["...", arrayDoc(false, draw(shape.rest, "element"), "tuple")]];
      const all = [...items, ...rest];
      const list =
        all.length === 0 ? "[]" : group("[", indent(softline, join([",", line], all)), ifBroken(","), softline, "]");
      return shape.readonly === true ? inParentheses(["readonly ", list], parent === "element") : list;
    }
    case "object":
      return objectDoc(shape, names);
    case "record": {
      // A mapped type cannot hold itself, and an index signature can.
      if (shape.partial !== true && isKeyword(shape.key, "string") && holdsReference(shape.value)) {
        return bodyDoc([["[key: string]: ", draw(shape.value, "property")]]);
      }
      const record = reference("Record", [recordKey(shape.key), shape.value], names);
      return shape.partial === true ? argumentsDoc("Partial", [record], false) : record;
    }
    case "map":
      return reference(shape.readonly === true ? "ReadonlyMap" : "Map", [shape.key, shape.value], names);
    case "set":
      return reference(shape.readonly === true ? "ReadonlySet" : "Set", [shape.value], names);
    case "union":
      return unionDoc(shape.members, names, parent);
    case "intersection": {
      const members = shape.members.map((member) => draw(member, "intersection"));
      return inParentheses(group(join(" & ", members)), parent === "element" || parent === "optional");
    }
    case "readonly":
      return reference("Readonly", [shape.inner], names);
    case "reference":
      return names(shape.id);
    case "opaque":
    case "foreign":
      return "never";
  }
}

/** What a type stands in. */
export type Parent = "property" | "alias" | "argument" | "element" | "optional" | "tuple" | "intersection" | "union";

function arrayDoc(readonly: boolean, element: Doc, parent: Parent): Doc {
  const array = [element, "[]"];
  return readonly ? inParentheses(["readonly ", array], parent === "element" || parent === "optional") : array;
}

function inParentheses(doc: Doc, needed: boolean): Doc {
  return needed ? ["(", doc, ")"] : doc;
}

function objectDoc(shape: Shape & { readonly kind: "object" }, names: ReferenceNames): Doc {
  const { properties, index } = shape;
  if (index === undefined) {
    // An object without properties may hold none: the type `{}` would allow all values.
    return properties.length === 0
      ? "Record<string, never>"
      : bodyDoc(properties.map((item) => propertyDoc(item, names)));
  }
  const key = shape.readonlyIndex === true ? "readonly [key: string]: " : "[key: string]: ";
  const other = [key, typeDoc(index, names)];
  if (properties.length === 0) return bodyDoc([other]);
  const members = properties.map((item) => propertyDoc(item, names));
  // TypeScript demands that an index signature allows what the properties hold; an intersection need not.
  return isKeyword(index, "unknown") ||
    isKeyword(index, "any") ||
    properties.every((item) => covers(index, item, names))
    ? bodyDoc([...members, other])
    : [bodyDoc(members), " & ", bodyDoc([other])];
}

function covers(index: Shape, { shape, optional }: Property, names: ReferenceNames): boolean {
  const members = (of: Shape) => (of.kind === "union" ? of.members : [of]).map((member) => printFlat(member, names));
  const allowed = new Set(members(index));
  return members(shape).every((member) => allowed.has(member)) && (optional !== true || allowed.has("undefined"));
}

/** `{ a: string; b: number }`. */
function bodyDoc(members: readonly Doc[]): Doc {
  return group("{", indent(line, join([";", line], members)), ifBroken(";"), line, "}");
}

/** The members of an object between its braces, each on a line of its own: the body of an interface. */
export function memberDocs(properties: readonly Property[], names: ReferenceNames): readonly Doc[] {
  return properties.map((property) => [propertyDoc(property, names), ";"]);
}

function propertyDoc({ name, shape, optional, readonly, docs }: Property, names: ReferenceNames): Doc {
  const comment = docComment(docs).flatMap((text) => [text, hardline]);
  const key = `${readonly === true ? "readonly " : ""}${propertyName(name)}${optional === true ? "?" : ""}`;
  return [...comment, key, ": ", typeDoc(shape, names, "property")];
}

function reference(name: string, shapes: readonly Shape[], names: ReferenceNames): Doc {
  const only = shapes.length === 1 ? shapes[0] : undefined;
  return argumentsDoc(
    name,
    shapes.map((shape) => typeDoc(shape, names, "argument")),
    only !== undefined && isHugged(only),
  );
}

/** `Name<A, B>`. */
function argumentsDoc(name: string, args: readonly Doc[], hugged: boolean): Doc {
  if (hugged) return [name, "<", args, ">"];
  return group(name, "<", indent(softline, join([",", line], args)), softline, ">");
}

/** Whether a type stays on the line of the bracket before it, as words and objects do. */
function isHugged(shape: Shape): boolean {
  return isBody(shape) || shape.kind === "keyword" || shape.kind === "global" || shape.kind === "reference";
}

/** Whether a type is printed between braces. */
function isBody(shape: Shape): boolean {
  return shape.kind === "object" && (shape.properties.length > 0 || shape.index !== undefined);
}

function unionDoc(members: readonly Shape[], names: ReferenceNames, parent: Parent): Doc {
  const distinct = withoutRepetition(members, names);
  const [first] = distinct;
  if (first === undefined) return "never";
  if (distinct.length === 1) return typeDoc(first, names, parent);
  const needsParentheses = parent === "element" || parent === "optional" || parent === "intersection";
  const objects = distinct.filter(isBody);
  const nulls = distinct.filter((member) => isKeyword(member, "null") || isKeyword(member, "void"));
  if (objects.length === 1 && nulls.length === distinct.length - 1) {
    const hugged = join(
      " | ",
      distinct.map((member) => typeDoc(member, names, "union")),
    );
    return inParentheses(hugged, needsParentheses);
  }
  const printed = distinct.map((member) => indent(typeDoc(member, names, "union")));
  const startsOnNewLine = parent !== "argument" && parent !== "tuple" && !needsParentheses;
  const code: Doc = [ifBroken([startsOnNewLine ? line : "", "| "]), join([line, "| "], printed)];
  if (needsParentheses) return ["(", group(indent(softline, group(code)), softline), ")"];
  if (parent === "tuple") return group(indent(ifBroken(["(", softline]), code), softline, ifBroken(")"));
  return startsOnNewLine ? group(indent(code)) : group(code);
}

/** Nothing twice. */
function withoutRepetition(members: readonly Shape[], names: ReferenceNames): readonly Shape[] {
  const flat = members.flatMap((member) => (member.kind === "union" ? member.members : [member]));
  const everything =
    flat.find((member) => isKeyword(member, "any")) ?? flat.find((member) => isKeyword(member, "unknown"));
  if (everything !== undefined) return [everything];
  const distinct = [...new Map(flat.map((member) => [printFlat(member, names), member])).values()];
  // People write what stands for nothing last.
  return distinct.filter((member) => !isKeyword(member, "never")).toSorted((a, b) => nothingness(a) - nothingness(b));
}

function nothingness(shape: Shape): number {
  if (isKeyword(shape, "undefined")) return 2;
  return isKeyword(shape, "null") ? 1 : 0;
}

function holdsReference(shape: Shape): boolean {
  return shape.kind === "reference" || children(shape).some((child) => holdsReference(child.shape));
}

function recordKey(key: Shape): Shape {
  // Anything that is a key at all.
  if (!isKeyword(key, "unknown") && !isKeyword(key, "any")) return key;
  return {
    kind: "union",
    members: [
      { kind: "keyword", name: "string" },
      { kind: "keyword", name: "number" },
      { kind: "keyword", name: "symbol" },
    ],
  };
}

function printLiteral(value: (Shape & { kind: "literal" })["value"]): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "object") return `${value.bigint}n`;
  return String(value).replace("e+", "e");
}

function printTemplate(parts: readonly (string | Shape)[], names: ReferenceNames): string {
  const texts = parts.map((part) =>
    typeof part === "string" ? part.replace(/[`\\]|\$(?=\{)/g, "\\$&") : `\${${printFlat(part, names)}}`,
  );
  return `\`${texts.join("")}\``;
}
