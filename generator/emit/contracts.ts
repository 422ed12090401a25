/** Emits `contracts/`: the bundled contracts, so that nobody needs their sources. */
import type { Bundle } from "../bundle.js";
import type { Model } from "../model.js";
import { header, type Output } from "./header.js";

/** The modules of all contracts that have actors, and of what those share. */
export function emitContracts({ groups }: Model, bundle: Bundle, contracts: string): readonly Output[] {
  const needed = new Set<string>();
  const visit = (path: string) => {
    const file = bundle.files.get(path);
    if (file === undefined || needed.has(path)) return;
    needed.add(path);
    file.imports.forEach(visit);
  };
  const entries = new Map([...bundle.files.values()].map((file) => [file.entry, file.path]));
  for (const { file } of groups) visit(entries.get(file) ?? "");
  return [...needed].flatMap((path) => {
    const file = bundle.files.get(path);
    if (file === undefined) return [];
    const text = `${header(file.entry ?? contracts)}\n${file.text}`;
    return [{ path: `contracts/${path}`, text }];
  });
}
