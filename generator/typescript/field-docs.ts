/** Collects the doc comments of the properties in a `z.object({ … })`, as far as the source shows them. */
import type { ts } from "ts-morph";
import { docsAt } from "./comments.js";
import { compiler } from "./compiler.js";

/** Doc comments in the places of a schema. Arrays, optionals and their like are looked through. */
export interface FieldDocs {
  readonly docs?: string;
  readonly fields?: Readonly<Record<string, FieldDocs>>;
  /** Of a union, in order. */
  readonly members?: readonly (FieldDocs | undefined)[];
}

/** Reads the comments in a schema's expression. `find` gives what a constant of the file was made with. */
export function readFieldDocs(
  expression: ts.Expression,
  file: ts.SourceFile,
  find: (name: string) => ts.Expression | undefined,
): FieldDocs | undefined {
  const open = new Set<ts.Node>();

  function read(node: ts.Node | undefined): FieldDocs | undefined {
    if (node === undefined || open.has(node)) return undefined;
    open.add(node);
    const docs = readNode(node);
    open.delete(node);
    return docs;
  }

  function readNode(node: ts.Node): FieldDocs | undefined {
    if (compiler.isIdentifier(node)) return read(find(node.text));
    if (compiler.isArrowFunction(node)) return compiler.isBlock(node.body) ? undefined : read(node.body);
    if (compiler.isArrayLiteralExpression(node)) return readMembers(node);
    if (!compiler.isCallExpression(node) || !compiler.isPropertyAccessExpression(node.expression)) return undefined;
    const method = node.expression.name.text;
    const literal = node.arguments.find(compiler.isObjectLiteralExpression);
    const base = read(node.expression.expression);
    if (/^(object|strictObject|looseObject|interface|extend|safeExtend)$/.test(method) && literal !== undefined) {
      return { fields: { ...base?.fields, ...readFields(literal) } };
    }
    return base ?? firstOf(node.arguments);
  }

  function readMembers(node: ts.ArrayLiteralExpression): FieldDocs | undefined {
    const members = node.elements.map(read);
    return members.some((member) => member !== undefined) ? { members } : undefined;
  }

  function firstOf(nodes: readonly ts.Node[]): FieldDocs | undefined {
    for (const node of nodes) {
      const docs = read(node);
      if (docs !== undefined) return docs;
    }
    return undefined;
  }

  function readFields(literal: ts.ObjectLiteralExpression): Record<string, FieldDocs> {
    const fields: Record<string, FieldDocs> = {};
    for (const property of literal.properties) {
      if (
        property.name === undefined ||
        !(compiler.isIdentifier(property.name) || compiler.isStringLiteral(property.name))
      )
        continue;
      const docs = docsAt(property, file);
      const inner = read(schemaOf(property));
      if (docs === undefined && inner === undefined) continue;
      fields[property.name.text] = { ...inner, ...(docs === undefined ? {} : { docs }) };
    }
    return fields;
  }

  return read(expression);
}

/** The schema of `name: schema` or of `get name() { return schema; }`. */
function schemaOf(property: ts.ObjectLiteralElementLike): ts.Node | undefined {
  if (compiler.isPropertyAssignment(property)) return property.initializer;
  if (compiler.isShorthandPropertyAssignment(property)) return property.name;
  if (!compiler.isGetAccessorDeclaration(property)) return undefined;
  const statement = property.body?.statements[0];
  return statement !== undefined && compiler.isReturnStatement(statement) ? statement.expression : undefined;
}
