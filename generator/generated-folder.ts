/** The generated folder as it is on disk: what in it is ours, and what has to change. */
import { join, posix } from "node:path";
import { MARK, type Output } from "./emit/header.js";
import { listFiles, readText, sha256 } from "./files.js";

/** The file that lists all generated files, so that those of removed contracts can be told from a person's own. */
const MANIFEST = ".manifest.json";

/** What has to change in the generated folder. Paths are relative to the project. */
export interface FolderPlan {
  /** All files that should be there. */
  readonly texts: ReadonlyMap<string, string>;
  /** Those that are not, or that hold something else. */
  readonly changed: ReadonlySet<string>;
  /** Those that are not there. */
  readonly missing: ReadonlySet<string>;
  readonly remove: readonly string[];
  /** What is in the way: a folder, or a file, that we have not made. */
  readonly foreign: string | undefined;
}

/** Compares what should be with what is. `known` are the texts of files that need not be read again. */
export function planFolder(
  root: string,
  folder: string,
  outputs: readonly Output[],
  known: ReadonlyMap<string, string>,
): FolderPlan {
  const wanted = new Map(outputs.map(({ path, text }) => [path, text]));
  wanted.set(MANIFEST, manifestText(outputs));
  const present = listFiles(join(root, folder)) ?? [];
  const texts = new Map<string, string>();
  for (const path of present) {
    const text = known.get(posix.join(folder, path)) ?? readText(join(root, folder, path));
    if (text !== undefined) texts.set(path, text);
  }
  const listed = readManifest(texts.get(MANIFEST));
  const isOurs = (path: string) => path === MANIFEST || listed.has(path) || isMarked(texts.get(path));
  const visible = present.filter((path) => !path.startsWith("."));
  const looksGenerated = visible.length === 0 || listed.size > 0 || visible.some((path) => isMarked(texts.get(path)));
  const inTheWay = [...wanted.keys()].find(
    (path) => texts.has(path) && texts.get(path) !== wanted.get(path) && !isOurs(path),
  );
  const at = (path: string) => posix.join(folder, path);

  const changed = [...wanted].filter(([path, text]) => texts.get(path) !== text).map(([path]) => path);
  return {
    texts: new Map([...wanted].map(([path, text]) => [at(path), text])),
    changed: new Set(changed.map(at)),
    missing: new Set(changed.filter((path) => !texts.has(path)).map(at)),
    remove: present.filter((path) => isOurs(path) && !wanted.has(path)).map(at),
    foreign: !looksGenerated ? folder : inTheWay === undefined ? undefined : at(inTheWay),
  };
}

function isMarked(text: string | undefined): boolean {
  return text?.slice(0, 200).includes(MARK.replace("// ", "")) === true;
}

function manifestText(outputs: readonly Output[]): string {
  const files = Object.fromEntries(outputs.map(({ path, text }) => [path, sha256(text)]));
  return `${JSON.stringify({ "//": `${MARK.replace("// ", "")}: the files that it may remove.`, files }, undefined, 2)}\n`;
}

function readManifest(text: string | undefined): ReadonlySet<string> {
  if (text === undefined) return new Set();
  try {
    const { files } = JSON.parse(text) as { readonly files?: unknown };
    return new Set(typeof files === "object" && files !== null ? Object.keys(files) : []);
  } catch {
    return new Set();
  }
}
