/** The handlers folder: written once for each contract file, and a person's own from then on. */
import { join, posix } from "node:path";
import { emitStubFile, stubLines } from "./emit/stubs.js";
import { handlersTypes } from "./emit/worker.js";
import { listFiles, readText } from "./files.js";
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
  /** What a person has to do in these files. */
  readonly notes: readonly string[];
  /** Other files that the notes are about. */
  readonly strays: readonly string[];
}

/** Finds the stubs that are missing. */
export function planHandlers(
  root: string,
  folders: { readonly handlers: string; readonly generated: string },
  { groups }: Model,
  insertStubs: typeof typescript.insertStubs,
  memo: Memo<typescript.StubEdit>,
): HandlersPlan {
  const types = handlersTypes(groups);
  const texts = new Map<string, string>();
  const changed = new Set<string>();
  const missing = new Set<string>();
  const insertions: string[] = [];
  const notes: string[] = [];
  for (const group of groups) {
    const path = handlersFile(folders.handlers, group);
    const type = types.get(group) ?? group.name;
    const text = readText(join(root, path));
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
    if ("broken" in edit) {
      texts.set(path, text);
      const { line, column, message } = edit.broken;
      notes.push(`${path}:${line}:${column} does not parse, so it was left alone: ${message}`);
      continue;
    }
    if ("missing" in edit) {
      texts.set(path, text);
      if (edit.missing.length > 0) notes.push(missingNote(path, type, edit.missing));
      continue;
    }
    texts.set(path, edit.text);
    if (edit.surplus.length > 0) notes.push(surplusNote(path, edit.surplus));
    if (edit.inserted.length === 0) continue;
    changed.add(path);
    insertions.push(`inserted ${edit.inserted.join(", ")} into ${path}`);
  }
  const strays = findStrays(root, folders, new Set(texts.keys()), new Set(types.values()));
  for (const [path, type] of strays) notes.push(`${path}: the contract file of its ${type} is gone`);
  const unfilled = groups.flatMap((group) =>
    unfilledHandlers(group, texts.get(handlersFile(folders.handlers, group)) ?? ""),
  );
  if (unfilled.length > 0) notes.push(unfilledNote(unfilled));
  return { texts, changed, missing, insertions, notes, strays: strays.map(([path]) => path) };
}

/** Where the handlers of a group are. */
export function handlersFile(folder: string, { stem }: Group): string {
  return posix.join(folder, `${stem}.ts`);
}

/** Files of handlers whose type is generated no more, each with that type. Other files of a person's are none of ours. */
function findStrays(
  root: string,
  { handlers, generated }: { readonly handlers: string; readonly generated: string },
  known: ReadonlySet<string>,
  types: ReadonlySet<string>,
): readonly (readonly [path: string, type: string])[] {
  const files = listFiles(join(root, handlers)) ?? [];
  const others = files
    .map((file) => posix.join(handlers, file))
    .filter((file) => /\.m?ts$/.test(file) && !known.has(file));
  return others.flatMap((path) => {
    const worker = specifierTo(path, posix.join(generated, "worker.js"));
    const text = readText(join(root, path)) ?? "";
    const gone = importedFrom(text, worker).find((name) => name.endsWith("Handlers") && !types.has(name));
    return gone === undefined ? [] : [[path, gone] as const];
  });
}

/** The names that a text imports from a module. */
function importedFrom(text: string, specifier: string): readonly string[] {
  return [...text.matchAll(/\bimport\s+(?:type\s+)?\{([^}]*)\}\s*from\s*["']([^"']+)["']/g)]
    .filter(([, , from]) => from === specifier)
    .flatMap(([, names = ""]) => names.split(","))
    .map((name) =>
      name
        .trim()
        .replace(/^type\s+/, "")
        .replace(/\s+as\s.*$/s, ""),
    );
}

/** The handlers that are stubs still: what a stub throws names its actor. */
function unfilledHandlers({ actors }: Group, text: string): readonly string[] {
  const thrown = new Set([...text.matchAll(/\bthrow new [\w$.]+\(\s*["']([^"']+)["']/g)].map(([, name]) => name));
  return actors.map(({ wireName }) => wireName).filter((name) => thrown.has(name));
}

/** How many names a note tells. */
const TOLD = 5;

function unfilledNote(names: readonly string[]): string {
  const [subject, rest] = [names.length === 1 ? "1 handler is" : `${names.length} handlers are`, names.length - TOLD];
  const told = names.slice(0, TOLD).join(", ");
  return `${subject} not implemented yet: ${told}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function surplusNote(path: string, names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``).join(", ");
  return `${path}: ${quoted} ${names.length === 1 ? "has" : "have"} no contract any more`;
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
