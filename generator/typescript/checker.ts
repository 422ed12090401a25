/** Asks the type checker for the types of a contract that its schemas do not know at run time, and draws their shapes. */
import { dirname, join, relative } from "node:path";
import type { Project, ts } from "ts-morph";
import { asJson, keyword, unionOf, type Definition, type Property, type Shape, type Side } from "../shape.js";
import { commentOf } from "./comments.js";
import { compiler, tsMorph } from "./compiler.js";

/** A type of an exported contract. */
export interface CheckedType {
  /** Relative to the root. */
  readonly file: string;
  readonly name: string;
  readonly type: "input" | "received" | "output" | "returned" | "progress" | "reported";
}

/** What the checker answers: a side, or why there is none. */
export type CheckerAnswer = Side | { readonly reason: string };

/** A program over the contracts that are asked about. It is slow, so it is made only when it is needed. */
export class Checker {
  readonly #project: Project;

  constructor(readonly root: string) {
    this.#project = new tsMorph.Project({ compilerOptions: compilerOptions(root), skipAddingFilesFromTsConfig: true });
  }

  /** Takes up contracts, and what has changed since the last time. */
  update(files: readonly string[]): void {
    for (const file of this.#project.getSourceFiles()) file.refreshFromFileSystemSync();
    for (const file of files) this.#project.addSourceFileAtPathIfExists(join(this.root, file));
  }

  /** The sources of the project that the types are made of, relative to the root. */
  get sources(): readonly string[] {
    const program = this.#project.getProgram().compilerObject;
    return program
      .getSourceFiles()
      .filter((file) => !program.isSourceFileFromExternalLibrary(file) && !program.isSourceFileDefaultLibrary(file))
      .map(({ fileName }) => relative(this.root, fileName));
  }

  /** Draws one type. */
  resolve({ file, name, type }: CheckedType): CheckerAnswer {
    const program = this.#project.getProgram().compilerObject;
    const checker = program.getTypeChecker();
    const source = program.getSourceFile(join(this.root, file));
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    const symbol = module && checker.getExportsOfModule(module).find((candidate) => candidate.name === name);
    if (source === undefined || symbol === undefined) return { reason: "cannot be found in its file" };
    const contract = checker.getTypeOfSymbolAtLocation(symbol, source);
    const signature = signatureOf(contract, checker);
    if (signature === undefined) {
      return {
        reason: `cannot be told: "${name}" has the type "${checker.typeToString(contract)}", not that of actor()`,
      };
    }
    const property = signature.getProperty(type);
    if (property === undefined) return { reason: "cannot be told from the type of the contract" };
    const drawing = new Drawing(program, checker, source);
    const shape = drawing.draw(checker.getTypeOfSymbol(property), []);
    return drawing.failure === undefined ? { shape, definitions: drawing.definitions } : { reason: drawing.failure };
  }
}

/** The `S` of `Contract<S>`. */
function signatureOf(type: ts.Type, checker: ts.TypeChecker): ts.Type | undefined {
  return type.symbol?.name === "Contract" && isReference(type) ? checker.getTypeArguments(type)[0] : undefined;
}

/** The options of the project that decide how imports are found, and our own for everything else. */
function compilerOptions(root: string): ts.CompilerOptions {
  const file = compiler.findConfigFile(root, compiler.sys.fileExists);
  const host = { ...compiler.sys, readDirectory: () => [], onUnRecoverableConfigFileDiagnostic: () => undefined };
  const parsed = file === undefined ? undefined : compiler.getParsedCommandLineOfConfigFile(file, undefined, host);
  const { paths, baseUrl, pathsBasePath, customConditions } = parsed?.options ?? {};
  return {
    ...(paths === undefined ? {} : { paths, pathsBasePath: pathsBasePath ?? dirname(file ?? root) }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(customConditions === undefined ? {} : { customConditions }),
    target: compiler.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts"],
    types: [],
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    // Without it the order of a union's members depends on which other files there are.
    stableTypeOrdering: true,
  };
}

/** Types may hold each other without end in the checker's eyes; a message may not. */
const MAX_DEPTH = 64;

/** Classes of the language that need no import, and hold nothing that would have to be printed. */
const plainClasses = new Set(["Date", "Uint8Array", "RegExp", "Error", "ArrayBuffer"]);

class Drawing {
  readonly definitions: Record<string, Definition> = {};
  readonly #recursive = new Map<ts.Type, string>();
  /** Why the type cannot be printed, where it cannot. */
  failure: string | undefined;

  constructor(
    readonly program: ts.Program,
    readonly checker: ts.TypeChecker,
    readonly source: ts.SourceFile,
  ) {}

  draw(type: ts.Type, open: readonly ts.Type[]): Shape {
    const simple = this.#drawSimple(type);
    if (simple !== undefined) return simple;
    const known = this.#recursive.get(type);
    if (known !== undefined) return { kind: "reference", id: known };
    if (open.includes(type)) {
      const id = String(this.#recursive.size);
      this.#recursive.set(type, id);
      return { kind: "reference", id };
    }
    if (open.length > MAX_DEPTH) return this.#fail("nests without end");
    const shape = this.#drawComposite(type, [...open, type]);
    const id = this.#recursive.get(type);
    if (id === undefined) return shape;
    const json = asJson(shape, id);
    const alias = type.aliasSymbol?.name ?? type.symbol?.name;
    // zod's own name for the type of `z.json()`. A schema that is read without the checker does not know it.
    const name = json !== undefined && alias === "JSONType" ? "Json" : alias;
    this.definitions[id] = { shape: json ?? shape, ...(name === undefined || name.startsWith("__") ? {} : { name }) };
    return { kind: "reference", id };
  }

  #fail(reason: string): Shape {
    this.failure ??= reason;
    return keyword("never");
  }

  #drawSimple(type: ts.Type): Shape | undefined {
    const { flags } = type;
    const is = (flag: ts.TypeFlags) => (flags & flag) !== 0;
    if (is(compiler.TypeFlags.Any)) return isError(type) ? this.#fail("does not compile") : keyword("any");
    if (is(compiler.TypeFlags.Unknown)) return keyword("unknown");
    if (type.isStringLiteral() || type.isNumberLiteral()) return { kind: "literal", value: type.value };
    if (is(compiler.TypeFlags.BigIntLiteral)) {
      const { negative, base10Value } = (type as ts.BigIntLiteralType).value;
      return { kind: "literal", value: { bigint: `${negative ? "-" : ""}${base10Value}` } };
    }
    if (is(compiler.TypeFlags.BooleanLiteral))
      return { kind: "literal", value: this.checker.typeToString(type) === "true" };
    if (is(compiler.TypeFlags.Boolean)) return keyword("boolean");
    if (is(compiler.TypeFlags.String)) return keyword("string");
    if (is(compiler.TypeFlags.Number)) return keyword("number");
    if (is(compiler.TypeFlags.BigInt)) return keyword("bigint");
    if (is(compiler.TypeFlags.ESSymbolLike)) return keyword("symbol");
    if (is(compiler.TypeFlags.Null)) return keyword("null");
    if (is(compiler.TypeFlags.Undefined)) return keyword("undefined");
    if (is(compiler.TypeFlags.Void)) return keyword("void");
    if (is(compiler.TypeFlags.Never)) return keyword("never");
    if (is(compiler.TypeFlags.NonPrimitive)) return this.#fail("holds `object`, which says nothing about what it is");
    return undefined;
  }

  #drawComposite(type: ts.Type, open: readonly ts.Type[]): Shape {
    if (type.isUnion()) return this.#drawUnion(type.types, open);
    if (type.isIntersection()) return this.#drawIntersection(type, open);
    if ((type.flags & compiler.TypeFlags.TemplateLiteral) !== 0) {
      const { texts, types } = type as ts.TemplateLiteralType;
      const parts = types.flatMap((part, index) => [this.draw(part, open), texts[index + 1] ?? ""]);
      return { kind: "template", parts: [texts[0] ?? "", ...parts] };
    }
    if ((type.flags & compiler.TypeFlags.Object) === 0) {
      return this.#fail(`holds "${this.checker.typeToString(type)}", which is not settled`);
    }
    if (this.checker.isTupleType(type)) return this.#drawTuple(type as ts.TupleTypeReference, open);
    if (this.checker.isArrayType(type) && isReference(type)) {
      const [element] = this.checker.getTypeArguments(type);
      const shape: Shape = {
        kind: "array",
        element: element === undefined ? keyword("unknown") : this.draw(element, open),
      };
      return type.symbol.name === "ReadonlyArray" ? { ...shape, readonly: true } : shape;
    }
    return this.#drawClass(type, open) ?? this.#drawRecord(type, open) ?? this.#drawObject(type, open);
  }

  /** `Record<"a" | "b", T>` and `Partial<Record<"a" | "b", T>>`, drawn as the schema of a record is. */
  #drawRecord(type: ts.Type, open: readonly ts.Type[]): Shape | undefined {
    const [name, first, second] = this.#libraryAlias(type);
    if (name === "Record" && first !== undefined && second !== undefined && isLiteralKey(first)) {
      return { kind: "record", key: this.draw(first, open), value: this.draw(second, open) };
    }
    if (name !== "Partial" || first === undefined) return undefined;
    const inner = this.#drawRecord(first, open);
    return inner?.kind === "record" ? { ...inner, partial: true } : undefined;
  }

  /** The name and the arguments of a type that TypeScript itself declares. */
  #libraryAlias({ aliasSymbol, aliasTypeArguments = [] }: ts.Type): readonly [name?: string, ...ts.Type[]] {
    const file = aliasSymbol?.declarations?.[0]?.getSourceFile();
    if (aliasSymbol === undefined || file === undefined || !this.program.isSourceFileDefaultLibrary(file)) return [];
    return [aliasSymbol.name, ...aliasTypeArguments];
  }

  #drawUnion(types: readonly ts.Type[], open: readonly ts.Type[]): Shape {
    const isBoolean = (type: ts.Type) => (type.flags & compiler.TypeFlags.BooleanLiteral) !== 0;
    const hasBoth = types.filter(isBoolean).length === 2;
    const members = types.filter((type) => !hasBoth || !isBoolean(type)).map((type) => this.draw(type, open));
    return unionOf(hasBoth ? [...members, keyword("boolean")] : members);
  }

  #drawIntersection(type: ts.IntersectionType, open: readonly ts.Type[]): Shape {
    const members = type.types.filter((member) => !isBrand(member));
    const [only] = members;
    if (members.length === 1 && only !== undefined) return this.draw(only, open);
    const isObject = (member: ts.Type) => (member.flags & compiler.TypeFlags.Object) !== 0;
    if (members.every(isObject) && !members.some((member) => this.checker.isArrayType(member))) {
      return this.#drawObject(type, open);
    }
    return { kind: "intersection", members: members.map((member) => this.draw(member, open)) };
  }

  #drawOptional(type: ts.Type, open: readonly ts.Type[]): Shape {
    if (!type.isUnion() || !type.types.some(isMissing)) return this.draw(type, open);
    return this.#drawUnion(
      type.types.filter((member) => !isMissing(member)),
      open,
    );
  }

  #drawTuple(type: ts.TupleTypeReference, open: readonly ts.Type[]): Shape {
    const types = this.checker.getTypeArguments(type);
    const { elementFlags, readonly } = type.target;
    const items = types.flatMap((element, index) => {
      const flag = elementFlags[index] ?? compiler.ElementFlags.Required;
      if ((flag & compiler.ElementFlags.Variable) !== 0) return [];
      const optional = (flag & compiler.ElementFlags.Optional) !== 0;
      const shape = optional ? this.#drawOptional(element, open) : this.draw(element, open);
      return [optional ? { shape, optional: true as const } : { shape }];
    });
    const rest = types.find((_, index) => ((elementFlags[index] ?? 0) & compiler.ElementFlags.Variable) !== 0);
    if (rest !== undefined && types.at(-1) !== rest) return this.#fail("holds a tuple with a rest in its middle");
    return {
      kind: "tuple",
      items,
      ...(rest === undefined ? {} : { rest: this.draw(rest, open) }),
      ...(readonly ? { readonly: true as const } : {}),
    };
  }

  /** A class: one that the language knows, or one that cannot be printed. */
  #drawClass(type: ts.Type, open: readonly ts.Type[]): Shape | undefined {
    const { symbol } = type;
    const declaration = symbol?.declarations?.[0];
    if (symbol === undefined || declaration === undefined) return undefined;
    if (!this.program.isSourceFileDefaultLibrary(declaration.getSourceFile())) {
      return type.isClass() ? this.#foreign(`an instance of the class ${symbol.name}`) : undefined;
    }
    if (!type.isClassOrInterface() && !isReference(type)) return undefined;
    const [first, second] = isReference(type) ? this.checker.getTypeArguments(type) : [];
    const draw = (argument: ts.Type | undefined) =>
      argument === undefined ? keyword("unknown") : this.draw(argument, open);
    switch (symbol.name) {
      case "Map":
        return { kind: "map", key: draw(first), value: draw(second) };
      case "ReadonlyMap":
        return { kind: "map", key: draw(first), value: draw(second), readonly: true };
      case "Set":
        return { kind: "set", value: draw(first) };
      case "ReadonlySet":
        return { kind: "set", value: draw(first), readonly: true };
      default:
        return plainClasses.has(symbol.name)
          ? { kind: "global", name: symbol.name }
          : this.#foreign(symbol.name === "Promise" ? "a promise" : `an instance of ${symbol.name}`);
    }
  }

  #foreign(what: string): Shape {
    return { kind: "foreign", what, instead: "z.object() with its data, or z.codec() that makes it of data" };
  }

  #drawObject(type: ts.Type, open: readonly ts.Type[]): Shape {
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0)
      return this.#foreign("a function");
    const properties = this.checker.getPropertiesOfType(type).flatMap((symbol) => this.#drawProperty(symbol, open));
    const index = this.checker.getIndexInfosOfType(type)[0];
    if (index === undefined) return { kind: "object", properties };
    const value = this.draw(index.type, open);
    if (properties.length === 0) {
      const record: Shape = { kind: "record", key: this.draw(index.keyType, open), value };
      return index.isReadonly ? { kind: "readonly", inner: record } : record;
    }
    return { kind: "object", properties, index: value, ...(index.isReadonly ? { readonlyIndex: true as const } : {}) };
  }

  #drawProperty(symbol: ts.Symbol, open: readonly ts.Type[]): readonly Property[] {
    const { name } = symbol;
    if (name.startsWith("__@")) {
      // A brand exists in types only.
      if (!name.startsWith("__@$brand")) this.#fail("holds a property whose name is a symbol");
      return [];
    }
    const optional = (symbol.flags & compiler.SymbolFlags.Optional) !== 0;
    const type = this.checker.getTypeOfSymbolAtLocation(symbol, this.source);
    const docs = commentOf(symbol);
    return [
      {
        name: compiler.unescapeLeadingUnderscores(symbol.escapedName),
        shape: this.#drawOptional(type, open),
        ...(optional ? { optional: true as const } : {}),
        ...(isReadonly(symbol) ? { readonly: true as const } : {}),
        ...(docs === undefined ? {} : { docs }),
      },
    ];
  }
}

/** Keys that are written out; with any other, the type has an index signature. */
function isLiteralKey(type: ts.Type): boolean {
  return type.isUnion() ? type.types.every(isLiteralKey) : type.isStringLiteral() || type.isNumberLiteral();
}

function isReference(type: ts.Type): type is ts.TypeReference {
  return (
    (type.flags & compiler.TypeFlags.Object) !== 0 &&
    ((type as ts.ObjectType).objectFlags & compiler.ObjectFlags.Reference) !== 0
  );
}

/** What the checker puts where a type is wrong looks like `any`. */
function isError(type: ts.Type): boolean {
  return (type as { readonly intrinsicName?: string }).intrinsicName === "error";
}

function isBrand(type: ts.Type): boolean {
  const properties = type.getProperties();
  return properties.length > 0 && properties.every(({ name }) => name.startsWith("__@$brand"));
}

/** The `undefined` that stands for "absent" is none that may be written. */
function isMissing(type: ts.Type): boolean {
  return (type as { readonly debugIntrinsicName?: string }).debugIntrinsicName === "missing";
}

/** `readonly` by its declaration, or by the mapped type that made it. */
function isReadonly(symbol: ts.Symbol): boolean {
  const { links } = symbol as { readonly links?: { readonly checkFlags?: number } };
  const MAPPED_READONLY = 8;
  if (((links?.checkFlags ?? 0) & MAPPED_READONLY) !== 0) return true;
  const declaration = symbol.valueDeclaration;
  return (
    declaration !== undefined &&
    compiler.isPropertySignature(declaration) &&
    (compiler.getCombinedModifierFlags(declaration) & compiler.ModifierFlags.Readonly) !== 0
  );
}
