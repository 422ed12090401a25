/** Reads which file imports what, from the sources alone. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { ts } from "ts-morph";

/** One import of one file. Paths are relative to the repository, with `/` between their parts. */
export interface Import {
  readonly file: string;
  readonly line: number;
  /** What is written in the file. */
  readonly specifier: string;
  /** The source file that is meant, or the specifier itself where it names a package. */
  readonly target: string;
  /** It is erased before the program runs. */
  readonly typeOnly: boolean;
  /** It is loaded only when the program comes to it. */
  readonly lazy: boolean;
}

/** The imports of all sources in some folders of the repository; a folder that is not there has none. */
export function importsOf(root: string, folders: readonly string[]): readonly Import[] {
  return folders
    .flatMap((folder) => sourcesIn(root, folder))
    .flatMap((file) => parseImports(file, readFileSync(join(root, file), "utf8")));
}

function sourcesIn(root: string, folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.[cm]?[jt]s$/.test(file))
      .map((file) => posix.join(folder, file.split(sep).join("/")))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The imports of one file: declarations, re-exports, `import()` and `import("…")` types. */
export function parseImports(file: string, text: string): readonly Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const imports: Import[] = [];
  const add = (node: ts.Node, specifier: string, kind: { typeOnly: boolean; lazy: boolean }) => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    imports.push({ file, line, specifier, target: resolve(file, specifier), ...kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const specifier = textOf(node.moduleSpecifier);
      if (specifier !== undefined) add(node, specifier, { typeOnly: isTypeOnly(node), lazy: false });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const specifier = textOf(node.arguments[0]);
      if (specifier !== undefined) add(node, specifier, { typeOnly: false, lazy: true });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const specifier = textOf(node.argument.literal);
      if (specifier !== undefined) add(node, specifier, { typeOnly: true, lazy: false });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return imports;
}

function textOf(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    const clause = node.exportClause;
    const named = clause !== undefined && ts.isNamedExports(clause) ? clause.elements : undefined;
    return node.isTypeOnly || (named?.every((element) => element.isTypeOnly) ?? false);
  }
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.every((element) => element.isTypeOnly);
}

function resolve(file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return posix.join(posix.dirname(file), specifier).replace(/\.([cm]?)js$/, ".$1ts");
}
