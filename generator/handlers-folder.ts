/** The handlers folder: written once for each contract file, and a person's own from then on. */
import { join, posix } from "node:path";
import { emitStubFile, stubLines } from "./emit/stubs.js";
import { handlersTypes } from "./emit/worker.js";
import { readText } from "./files.js";
import type { Memo } from "./memo.js";
import type { Group, Model } from "./model.js";
import { specifierTo } from "./paths.js";
import type * as typescript from "./typescript/index.js";

/** What has to change in the handlers folder. Paths are relative to the project. */
export interface HandlersPlan {
  /** All files of handlers, with the texts that they should have. */
  readonly texts: ReadonlyMap<string, string>;
  /** Those that are not there, or that lack a stub. */
  readonly changed: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  /** What was added to files of a person's. */
  readonly insertions: readonly string[];
  /** Handlers that are missing and could not be added. */
  readonly notes: readonly string[];
}

/** Finds the stubs that are missing. */
export async function planHandlers(
  root: string,
  folders: { readonly handlers: string; readonly generated: string },
  { groups }: Model,
  insertStubs: typeof typescript.insertStubs,
  memo: Memo<typescript.StubEdit>,
): Promise<HandlersPlan> {
  const types = handlersTypes(groups);
  const texts = new Map<string, string>();
  const changed = new Set<string>();
  const missing = new Set<string>();
  const insertions: string[] = [];
  const notes: string[] = [];
  for (const group of groups) {
    const path = posix.join(folders.handlers, `${group.stem}.ts`);
    const type = types.get(group) ?? group.name;
    const text = await readText(join(root, path));
    if (text === undefined) {
      const worker = specifierTo(path, posix.join(folders.generated, "worker.js"));
      texts.set(path, emitStubFile(group, type, worker));
      changed.add(path);
      missing.add(path);
      continue;
    }
    const edit = memo.get(path, [text, type, ...group.actors], () =>
      insertStubs(text, { group: group.name, type, names: namesOf(group), stub: stubOf(group) }),
    );
    if ("missing" in edit) {
      texts.set(path, text);
      if (edit.missing.length > 0) notes.push(missingNote(path, type, edit.missing));
      continue;
    }
    texts.set(path, edit.text);
    if (edit.inserted.length === 0) continue;
    changed.add(path);
    insertions.push(`inserted ${edit.inserted.join(", ")} into ${path}`);
  }
  return { texts, changed, missing, insertions, notes };
}

function namesOf({ actors }: Group): readonly string[] {
  return actors.map(({ name }) => name);
}

function stubOf({ actors }: Group): typescript.StubRequest["stub"] {
  return (name, error) => {
    const actor = actors.find((candidate) => candidate.name === name);
    return actor === undefined ? [] : stubLines(actor, error);
  };
}

function missingNote(path: string, type: string, names: readonly string[]): string {
  return `${path} has no handler for ${names.join(", ")}, and no object of the type ${type} that one could be added to`;
}
