/** Adds missing handlers to a file that a person has written, and changes nothing else in it. */
import type { ts } from "ts-morph";
import { compiler, parseFile } from "./compiler.js";
import { unwrap } from "./source.js";

/** What a handlers file should hold. */
export interface StubRequest {
  /** The name of the group: that of the constant, unless the type tells which one it is. */
  readonly group: string;
  /** The interface of the handlers: `PaymentsHandlers`. */
  readonly type: string;
  /** The handlers that the contract asks for, in its order. */
  readonly names: readonly string[];
  /** The lines of a handler that is not written yet. `error` is the local name of `NotImplementedError`. */
  readonly stub: (name: string, error: string) => readonly string[];
}

/** The new text with the handlers that were added; or why nothing could be. */
export type StubEdit =
  | {
      readonly text: string;
      readonly inserted: readonly string[];
      /** Handlers that the contract does not ask for. */
      readonly surplus: readonly string[];
    }
  /** The handlers that are missing and could not be added. */
  | { readonly missing: readonly string[] }
  /** The file does not parse. */
  | { readonly broken: { readonly line: number; readonly column: number; readonly message: string } };

interface Insertion {
  readonly at: number;
  readonly text: string;
  /** Blanks behind it that it replaces. */
  readonly blanks?: number;
}

/** Adds what is missing. */
export function insertStubs(text: string, request: StubRequest): StubEdit {
  const file = parseFile("handlers.ts", text);
  const broken = syntaxError(file);
  if (broken !== undefined) return { broken };
  const object = findObject(file, request);
  if (object === undefined) {
    // A class, or handlers that other files hold: whatever is named there is taken to be handled.
    const words = new Set(text.match(/[\p{ID_Continue}$]+/gu));
    return { missing: request.names.filter((name) => !words.has(name)) };
  }
  const { names, isOpen } = membersOf(object, file);
  const missing = request.names.filter((name) => !names.has(name));
  const surplus = ownNames(object).filter((name) => !request.names.includes(name));
  if (missing.length === 0) return { text, inserted: [], surplus };
  if (isOpen) return { missing };
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const error = errorImport(file, eol);
  const stubs = missing.map((name) => request.stub(name, error.local));
  const insertions = [...memberInsertions(object, file, stubs, eol), ...error.insertions];
  return { text: apply(text, insertions), inserted: missing, surplus };
}

function syntaxError(file: ts.SourceFile) {
  const [first] = (file as { readonly parseDiagnostics?: readonly ts.Diagnostic[] }).parseDiagnostics ?? [];
  if (first === undefined) return undefined;
  const { line, character } = file.getLineAndCharacterOfPosition(first.start ?? 0);
  return {
    line: line + 1,
    column: character + 1,
    message: compiler.flattenDiagnosticMessageText(first.messageText, " "),
  };
}

/** The members that an object itself names. What is spread into it may be there for something else. */
function ownNames(object: ts.ObjectLiteralExpression): readonly string[] {
  return object.properties.flatMap(({ name }) =>
    name !== undefined && (compiler.isIdentifier(name) || compiler.isStringLiteral(name)) ? [name.text] : [],
  );
}

/** The object that is declared with the type, or, where none is, the one with the group's name. */
function findObject(file: ts.SourceFile, { group, type }: StubRequest): ts.ObjectLiteralExpression | undefined {
  const declarations = file.statements
    .filter(compiler.isVariableStatement)
    .flatMap((item) => item.declarationList.declarations);
  const typed = declarations.find((declaration) => mentionsType(declaration, type));
  const named = declarations.find(({ name }) => compiler.isIdentifier(name) && name.text === group);
  for (const declaration of [typed, named]) {
    const value = declaration?.initializer === undefined ? undefined : unwrap(declaration.initializer);
    if (value !== undefined && compiler.isObjectLiteralExpression(value)) return value;
  }
  return undefined;
}

/** `const x: Type = …`, `… satisfies Type` or `… as Type`. */
function mentionsType({ type, initializer }: ts.VariableDeclaration, name: string): boolean {
  const types = [type];
  for (
    let value = initializer;
    value !== undefined && (compiler.isSatisfiesExpression(value) || compiler.isAsExpression(value));
  ) {
    types.push(value.type);
    value = value.expression;
  }
  return types.some(
    (node) => node !== undefined && compiler.isTypeReferenceNode(node) && node.typeName.getText().endsWith(name),
  );
}

/** The names of an object's members. It is open where something is spread into it that this file does not show. */
function membersOf(object: ts.ObjectLiteralExpression, file: ts.SourceFile): { names: Set<string>; isOpen: boolean } {
  const names = new Set<string>();
  let isOpen = false;
  for (const member of object.properties) {
    if (compiler.isSpreadAssignment(member)) {
      const spread = spreadObject(member, file);
      if (spread === undefined || spread === object) isOpen = true;
      else {
        const inner = membersOf(spread, file);
        inner.names.forEach((name) => names.add(name));
        isOpen ||= inner.isOpen;
      }
    } else if (compiler.isIdentifier(member.name) || compiler.isStringLiteral(member.name)) names.add(member.name.text);
    else isOpen = true;
  }
  return { names, isOpen };
}

function spreadObject(
  { expression }: ts.SpreadAssignment,
  file: ts.SourceFile,
): ts.ObjectLiteralExpression | undefined {
  const value = unwrap(expression);
  if (compiler.isObjectLiteralExpression(value)) return value;
  if (!compiler.isIdentifier(value)) return undefined;
  const declaration = file.statements
    .filter(compiler.isVariableStatement)
    .flatMap((item) => item.declarationList.declarations)
    .find(({ name }) => compiler.isIdentifier(name) && name.text === value.text);
  const initializer = declaration?.initializer === undefined ? undefined : unwrap(declaration.initializer);
  return initializer !== undefined && compiler.isObjectLiteralExpression(initializer) ? initializer : undefined;
}

function memberInsertions(
  object: ts.ObjectLiteralExpression,
  file: ts.SourceFile,
  stubs: readonly (readonly string[])[],
  eol: string,
): readonly Insertion[] {
  const { text } = file;
  const last = object.properties.at(-1);
  const closing = object.getEnd() - 1;
  const outer = indentationAt(text, object.getStart(file));
  const inner =
    last !== undefined && startsLine(text, last.getStart(file))
      ? indentationAt(text, last.getStart(file))
      : deeper(text, outer);
  const unit = inner.startsWith(outer) && inner.length > outer.length ? inner.slice(outer.length) : "  ";
  const write = (lines: readonly string[]) =>
    lines
      .map((line) =>
        line === "" ? "" : `${inner}${line.replace(/^( {2})+/, (spaces) => unit.repeat(spaces.length / 2))}`,
      )
      .join(eol);
  const body = stubs.map((lines) => `${write(lines)},`).join(`${eol}${eol}`);

  if (last === undefined) {
    const isEmpty = text.slice(object.getStart(file) + 1, closing).trim() === "";
    const at = isEmpty ? object.getStart(file) + 1 : trimmedEnd(text, closing);
    // What is between empty braces goes with them.
    const tail = isEmpty && text.slice(at, closing).includes("\n") ? "" : `${eol}${outer}`;
    return [{ at, text: `${eol}${body}${tail}` }];
  }
  const comma = object.properties.hasTrailingComma;
  const afterComma = comma ? text.indexOf(",", last.getEnd()) + 1 : last.getEnd();
  const comments = compiler.getTrailingCommentRanges(text, afterComma) ?? [];
  const at = comments.at(-1)?.end ?? afterComma;
  const rest = text.slice(at, closing);
  const isOnOneLine = !rest.includes("\n");
  const gap = startsLine(text, last.getStart(file)) ? `${eol}${eol}` : eol;
  const insertion = isOnOneLine
    ? { at, text: `${gap}${body}${eol}${outer}`, blanks: rest.length - rest.trimStart().length }
    : { at, text: `${gap}${body}` };
  return comma ? [insertion] : [{ at: last.getEnd(), text: "," }, insertion];
}

/** The local name of `NotImplementedError`, and what must be written so that there is one. */
function errorImport(file: ts.SourceFile, eol: string): { local: string; insertions: readonly Insertion[] } {
  const name = "NotImplementedError";
  const imports = file.statements.filter(compiler.isImportDeclaration);
  const fromCallboard = imports.filter(
    ({ moduleSpecifier, importClause }) =>
      compiler.isStringLiteral(moduleSpecifier) &&
      moduleSpecifier.text === "callboard" &&
      importClause !== undefined &&
      importClause.phaseModifier !== compiler.SyntaxKind.TypeKeyword,
  );
  for (const { importClause } of fromCallboard) {
    const named = importClause?.namedBindings;
    if (named === undefined) continue;
    if (compiler.isNamespaceImport(named)) return { local: `${named.name.text}.${name}`, insertions: [] };
    const known = named.elements.find((element) => (element.propertyName ?? element.name).text === name);
    if (known !== undefined && !known.isTypeOnly) return { local: known.name.text, insertions: [] };
  }
  const open = fromCallboard
    .map((item) => item.importClause?.namedBindings)
    .find((item) => item !== undefined && compiler.isNamedImports(item));
  if (open !== undefined && compiler.isNamedImports(open)) {
    const last = open.elements.at(-1);
    if (last !== undefined) return { local: name, insertions: [{ at: last.getEnd(), text: `, ${name}` }] };
  }
  const first = file.statements[0];
  const quotes = imports[0]?.moduleSpecifier.getText(file).startsWith("'") === true ? "'" : '"';
  const at = imports[0]?.getStart(file) ?? first?.getStart(file) ?? 0;
  return { local: name, insertions: [{ at, text: `import { ${name} } from ${quotes}callboard${quotes};${eol}` }] };
}

function apply(text: string, insertions: readonly Insertion[]): string {
  // From the end to the start, so that places stay right. Two at one place keep their order.
  return insertions
    .map((insertion, order) => ({ ...insertion, order }))
    .sort((a, b) => b.at - a.at || b.order - a.order)
    .reduce(
      (result, { at, text: added, blanks = 0 }) => `${result.slice(0, at)}${added}${result.slice(at + blanks)}`,
      text,
    );
}

function lineStart(text: string, position: number): number {
  return text.lastIndexOf("\n", position - 1) + 1;
}

function indentationAt(text: string, position: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, position)))?.[0] ?? "";
}

function startsLine(text: string, position: number): boolean {
  return text.slice(lineStart(text, position), position).trim() === "";
}

/** One step further in, by the habit of the file. */
function deeper(text: string, indentation: string): string {
  const habit = /^(\t| {2,})\S/m.exec(text)?.[1] ?? "  ";
  return indentation + habit;
}

function trimmedEnd(text: string, end: number): number {
  return text.slice(0, end).trimEnd().length;
}
