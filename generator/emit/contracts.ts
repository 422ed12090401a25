/** Emits `contracts/`: the bundled contracts with small declarations, so that nobody needs their sources. */
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
  const modules = [...needed].flatMap((path) => {
    const file = bundle.files.get(path);
    if (file === undefined) return [];
    const text = `${header(file.entry ?? contracts)}\n${file.text}`;
    return [{ path: `contracts/${path}`, text }];
  });
  return [...modules, ...groups.map((group) => emitDeclarations(group))];
}

function emitDeclarations({ file, stem, actors }: Model["groups"][number]): Output {
  const names = new Set(actors.map(({ name }) => name));
  const type = names.has("Contract") ? "Contract as Contract_" : "Contract";
  const lines = [
    header(file),
    `import type { ${type} } from "callboard";`,
    "",
    ...actors.map(({ name }) => `export declare const ${name}: ${names.has("Contract") ? "Contract_" : "Contract"};`),
  ];
  return { path: `contracts/${stem}.d.ts`, text: `${lines.join("\n")}\n` };
}
