/** Tells which contract files can hold actors: those that import Callboard, themselves or through others. */
import { posix } from "node:path";

/** Those of the files that can hold actors. In doubt a file can. */
export function candidates(texts: ReadonlyMap<string, string>): readonly string[] {
  const answers = new Map<string, boolean>();

  function canHold(file: string): boolean {
    const known = answers.get(file);
    if (known !== undefined) return known;
    // For files that import each other, until one of them gives the answer.
    answers.set(file, false);
    const answer = specifiersOf(texts.get(file) ?? "").some((specifier) => leadsToActor(file, specifier));
    answers.set(file, answer);
    return answer;
  }

  function leadsToActor(file: string, specifier: string): boolean {
    if (/^(zod$|zod\/|node:)/.test(specifier)) return false;
    if (!specifier.startsWith(".")) return true;
    const target = targetsOf(file, specifier).find((path) => texts.has(path));
    return target === undefined || canHold(target);
  }

  return [...texts.keys()].filter((file) => canHold(file));
}

function specifiersOf(text: string): readonly string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, specifier = ""]) => specifier);
}

/** The files that a relative specifier may mean. */
function targetsOf(file: string, specifier: string): readonly string[] {
  const path = posix.join(posix.dirname(file), specifier);
  return [
    path,
    path.replace(/\.js$/, ".ts"),
    path.replace(/\.mjs$/, ".mts"),
    `${path}.ts`,
    `${path}.mts`,
    `${path}/index.ts`,
  ];
}
