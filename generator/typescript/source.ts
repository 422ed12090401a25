/** Reads what only a contract's source can tell: which exports are actors, where they are declared, and their comments. */
import type { ts } from "ts-morph";
import type { Place } from "../problems.js";
import { docsAt } from "./comments.js";
import { compiler, parseFile } from "./compiler.js";
import { readFieldDocs, type FieldDocs } from "./field-docs.js";

/** What one source file says, without looking into any other. */
export interface SourceFile {
  readonly path: string;
  readonly exports: ReadonlyMap<string, SourceExport>;
  /** The modules of `export * from`, as they are written. */
  readonly stars: readonly string[];
  /** All modules that it imports or exports from, as they are written. */
  readonly specifiers: readonly string[];
  /** Actors that nothing can reach: constants that are neither exported nor used. */
  readonly unreachable: readonly { readonly name: string; readonly place: Place }[];
  /** Where `actor()` is first called while the file is loaded. */
  readonly firstCall: Place | undefined;
}

/** One export of a file. */
export interface SourceExport {
  readonly place: Place;
  /** Where it comes from: an `actor()` call, another module, or something that only running the file can tell. */
  readonly origin:
    | { readonly kind: "actor"; readonly actor: SourceActor }
    | { readonly kind: "module"; readonly specifier: string; readonly name: string }
    | { readonly kind: "value"; readonly docs: string | undefined };
}

/** A call of `actor()`. */
export interface SourceActor {
  /** The constant that holds it; two exports with the same one are the same actor. */
  readonly local: string;
  readonly place: Place;
  readonly call: Place;
  readonly docs: string | undefined;
  readonly options: ReadonlyMap<string, { readonly name: Place; readonly value: Place }>;
  readonly inputDocs: FieldDocs | undefined;
  readonly outputDocs: FieldDocs | undefined;
  readonly progressDocs: FieldDocs | undefined;
}

/** Reads one source file. */
export function readSource(path: string, text: string): SourceFile {
  return new SourceReader(path, parseFile(path, text)).read();
}

/** Something that a name at the top of a file stands for. */
type Binding =
  | { readonly kind: "import"; readonly specifier: string; readonly name: string }
  | { readonly kind: "variable"; readonly declaration: ts.VariableDeclaration };

class SourceReader {
  readonly #bindings = new Map<string, Binding>();
  readonly #exports = new Map<string, SourceExport>();
  readonly #stars: string[] = [];
  readonly #specifiers = new Set<string>();

  constructor(
    readonly path: string,
    readonly file: ts.SourceFile,
  ) {}

  read(): SourceFile {
    for (const statement of this.file.statements) this.#bind(statement);
    for (const statement of this.file.statements) this.#readExports(statement);
    return {
      path: this.path,
      exports: this.#exports,
      stars: this.#stars,
      specifiers: [...this.#specifiers],
      unreachable: this.#findUnreachable(),
      firstCall: this.#findCall(this.file),
    };
  }

  #findUnreachable(): SourceFile["unreachable"] {
    return [...this.#bindings].flatMap(([name, binding]) => {
      if (binding.kind !== "variable" || this.#exports.has(name)) return [];
      const { initializer } = binding.declaration;
      if (initializer === undefined || this.#asActorCall(initializer) === undefined) return [];
      const words = this.file.text.match(/[\p{ID_Continue}$]+/gu) ?? [];
      const isUsed = words.filter((word) => word === name).length > 1;
      return isUsed ? [] : [{ name, place: this.#place(binding.declaration.name) }];
    });
  }

  #findCall(node: ts.Node): Place | undefined {
    if (compiler.isFunctionLike(node)) return undefined;
    if (compiler.isCallExpression(node) && this.#isActorFunction(node.expression)) return this.#place(node);
    return compiler.forEachChild(node, (child) => this.#findCall(child));
  }

  #place(node: ts.Node): Place {
    const { line, character } = this.file.getLineAndCharacterOfPosition(node.getStart(this.file));
    return { file: this.path, line: line + 1, column: character + 1 };
  }

  #bind(statement: ts.Statement): void {
    if (compiler.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) {
        if (!compiler.isIdentifier(declaration.name)) continue;
        this.#bindings.set(declaration.name.text, { kind: "variable", declaration });
      }
    }
    if (!compiler.isImportDeclaration(statement) || !compiler.isStringLiteral(statement.moduleSpecifier)) return;
    const specifier = statement.moduleSpecifier.text;
    this.#specifiers.add(specifier);
    const clause = statement.importClause;
    const bind = (local: ts.Identifier, name: string) =>
      this.#bindings.set(local.text, { kind: "import", specifier, name });
    if (clause?.name !== undefined) bind(clause.name, "default");
    const named = clause?.namedBindings;
    if (named === undefined) return;
    if (compiler.isNamespaceImport(named)) bind(named.name, "*");
    else for (const element of named.elements) bind(element.name, (element.propertyName ?? element.name).text);
  }

  #readExports(statement: ts.Statement): void {
    if (compiler.isExportDeclaration(statement)) this.#readExportDeclaration(statement);
    else if (compiler.isExportAssignment(statement) && statement.isExportEquals !== true) {
      this.#exports.set("default", this.#exportOf(statement.expression, statement, "default"));
    } else if (isExported(statement)) {
      for (const name of declaredNames(statement)) {
        this.#exports.set(name.text, this.#exportOf(name, name, name.text));
      }
    }
  }

  #readExportDeclaration(statement: ts.ExportDeclaration): void {
    if (statement.isTypeOnly) return;
    const specifier =
      statement.moduleSpecifier !== undefined && compiler.isStringLiteral(statement.moduleSpecifier)
        ? statement.moduleSpecifier.text
        : undefined;
    if (specifier !== undefined) this.#specifiers.add(specifier);
    const clause = statement.exportClause;
    if (clause === undefined) {
      if (specifier !== undefined) this.#stars.push(specifier);
    } else if (compiler.isNamedExports(clause)) {
      for (const element of clause.elements) {
        if (element.isTypeOnly) continue;
        const source = element.propertyName ?? element.name;
        const place = this.#place(element.name);
        this.#exports.set(
          element.name.text,
          specifier === undefined
            ? { ...this.#exportOf(source, element.name, element.name.text), place }
            : { place, origin: { kind: "module", specifier, name: source.text } },
        );
      }
    }
  }

  /** What an export of this expression is, following one local name. */
  #exportOf(expression: ts.Node, at: ts.Node, name: string): SourceExport {
    const place = this.#place(at);
    const binding = compiler.isIdentifier(expression) ? this.#bindings.get(expression.text) : undefined;
    if (binding?.kind === "import") {
      return { place, origin: { kind: "module", specifier: binding.specifier, name: binding.name } };
    }
    const value = binding === undefined ? expression : binding.declaration.initializer;
    const call = value === undefined ? undefined : this.#asActorCall(value);
    const declaration = binding?.declaration;
    const docs = docsAt(declaration === undefined ? statementOf(at) : statementOf(declaration), this.file);
    if (call === undefined) return { place, origin: { kind: "value", docs } };
    const local = compiler.isIdentifier(expression) ? expression.text : name;
    const actorPlace = this.#place(declaration === undefined ? at : declaration.name);
    return { place, origin: { kind: "actor", actor: this.#readActor(call, local, actorPlace, docs) } };
  }

  #asActorCall(node: ts.Node): ts.CallExpression | undefined {
    const value = unwrap(node);
    return compiler.isCallExpression(value) && this.#isActorFunction(value.expression) ? value : undefined;
  }

  /** `actor`, `task` of `import { actor as task }`, or `cb.actor` of `import * as cb`. */
  #isActorFunction(callee: ts.Expression): boolean {
    const [scope, name] = compiler.isPropertyAccessExpression(callee)
      ? [callee.expression, callee.name.text]
      : [callee, undefined];
    const binding = compiler.isIdentifier(scope) ? this.#bindings.get(scope.text) : undefined;
    if (binding?.kind !== "import" || binding.specifier !== "callboard") return false;
    return name === undefined ? binding.name === "actor" : binding.name === "*" && name === "actor";
  }

  #readActor(call: ts.CallExpression, local: string, place: Place, docs: string | undefined): SourceActor {
    const options = new Map<string, { name: Place; value: Place }>();
    const values = new Map<string, ts.Expression>();
    for (const [name, property, value] of this.#optionProperties(call.arguments[0])) {
      options.set(name, { name: this.#place(property), value: this.#place(value) });
      values.set(name, value);
    }
    const fieldDocs = (option: string) => {
      const schema = values.get(option);
      return schema === undefined ? undefined : readFieldDocs(schema, this.file, (name) => this.#initializerOf(name));
    };
    return {
      local,
      place,
      call: this.#place(call),
      docs,
      options,
      inputDocs: fieldDocs("input"),
      outputDocs: fieldDocs("output"),
      progressDocs: fieldDocs("progress"),
    };
  }

  /** The properties of the options, also where they are a constant or are spread from one. */
  *#optionProperties(
    argument: ts.Expression | undefined,
    depth = 0,
  ): Generator<readonly [string, ts.Node, ts.Expression]> {
    if (argument === undefined || depth > 4) return;
    const value = unwrap(argument);
    if (compiler.isIdentifier(value)) yield* this.#optionProperties(this.#initializerOf(value.text), depth + 1);
    if (!compiler.isObjectLiteralExpression(value)) return;
    for (const property of value.properties) {
      if (compiler.isSpreadAssignment(property)) yield* this.#optionProperties(property.expression, depth + 1);
      else if (compiler.isPropertyAssignment(property)) {
        if (compiler.isIdentifier(property.name) || compiler.isStringLiteral(property.name)) {
          yield [property.name.text, property.name, property.initializer];
        }
      } else if (compiler.isShorthandPropertyAssignment(property))
        yield [property.name.text, property.name, property.name];
    }
  }

  #initializerOf(name: string): ts.Expression | undefined {
    const binding = this.#bindings.get(name);
    return binding?.kind === "variable" ? binding.declaration.initializer : undefined;
  }
}

function isExported(statement: ts.Statement): boolean {
  return (
    compiler.canHaveModifiers(statement) &&
    compiler.getModifiers(statement)?.some(({ kind }) => kind === compiler.SyntaxKind.ExportKeyword) === true
  );
}

function declaredNames(statement: ts.Statement): readonly ts.Identifier[] {
  if (compiler.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => namesOf(name));
  }
  return [];
}

/** The names of `a`, `{ a, b: c }` and `[a, b]`. */
function namesOf(name: ts.BindingName): readonly ts.Identifier[] {
  if (compiler.isIdentifier(name)) return [name];
  return name.elements.flatMap((element) => (compiler.isBindingElement(element) ? namesOf(element.name) : []));
}

function statementOf(node: ts.Node): ts.Node {
  let at = node;
  while (at.parent !== undefined && !compiler.isSourceFile(at.parent)) at = at.parent;
  return at;
}

/** The expression without parentheses, `as`, `satisfies` and `!`. */
export function unwrap(node: ts.Node): ts.Node {
  let value = node;
  while (
    compiler.isParenthesizedExpression(value) ||
    compiler.isAsExpression(value) ||
    compiler.isSatisfiesExpression(value) ||
    compiler.isNonNullExpression(value)
  ) {
    value = value.expression;
  }
  return value;
}
