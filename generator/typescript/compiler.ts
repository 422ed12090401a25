/** Loads ts-morph, which is the slowest part of the generator to load. */
import { createRequire } from "node:module";
import type * as TsMorph from "ts-morph";
import type { ts } from "ts-morph";

/** The library. An `import` would read its ten megabytes three times: for their format, for their exports, and to run them. */
export const tsMorph: typeof TsMorph = createRequire(import.meta.url)("ts-morph");

/** The TypeScript compiler that ts-morph carries. */
export const compiler = tsMorph.ts;

/** Reads the syntax of one file. Its doc comments are left alone: whoever wants one finds it in the text. */
export function parseFile(path: string, text: string): ts.SourceFile {
  const options = {
    languageVersion: compiler.ScriptTarget.ES2022,
    jsDocParsingMode: compiler.JSDocParsingMode.ParseNone,
  };
  return compiler.createSourceFile(path, text, options, true);
}
