/** Emits handler stubs: what a person fills in. */
import type { ActorModel, Group } from "../model.js";
import { docComment } from "../print/comments.js";
import { freeName, quote } from "../print/names.js";

/** The method of one handler that is not written yet, without its last comma; its lines are not indented. */
export function stubLines({ name, wireName, docs }: ActorModel, error = "NotImplementedError"): readonly string[] {
  return [...docComment(docs, 2), `async ${name}(_input, _task) {`, `  throw new ${error}(${quote(wireName)});`, "}"];
}

/** A new file of handlers. `worker` is the specifier of `generated/worker.js`, `type` the interface of the handlers. */
export function emitStubFile({ name, actors }: Group, type: string, worker: string): string {
  const constant = freeName(name, new Set(["NotImplementedError", type]));
  const lines = [
    'import { NotImplementedError } from "callboard";',
    `import type { ${type} } from ${quote(worker)};`,
    "",
    `export const ${constant}: ${type} = {`,
    ...actors
      .map((actor) => [...stubLines(actor).map((text) => `  ${text}`)].join("\n"))
      .flatMap((text, index) => (index === 0 ? [`${text},`] : ["", `${text},`])),
    "};",
  ];
  return `${lines.join("\n")}\n`;
}
