/** The sources of all contracts together: follows an export through `export … from` to what it was declared as. */
import type { Place } from "./problems.js";
import type { SourceActor, SourceExport, SourceFile } from "./typescript/index.js";

/** Where an export was declared, as far as the sources tell. */
export interface Located {
  /** Where the file that was asked exports it. */
  readonly exported: Place;
  /** Where it is declared. */
  readonly declared: Place;
  readonly docs: string | undefined;
  /** The call of `actor()`, where the declaration is one. */
  readonly actor: SourceActor | undefined;
  /** How many files it was passed on by. */
  readonly steps: number;
}

/** Where an import leads, by the importing file and the specifier as it is written. */
export type Resolve = (file: string, specifier: string) => string | undefined;

/** The sources of all contracts. */
export class SourceTree {
  constructor(
    readonly files: ReadonlyMap<string, SourceFile>,
    readonly resolve: Resolve,
  ) {}

  /** The exports of a file that it declares as actors itself. */
  actorExports(file: string): readonly { readonly name: string; readonly place: Place }[] {
    const exports = this.files.get(file)?.exports ?? new Map<string, SourceExport>();
    return [...exports]
      .filter(([, { origin }]) => origin.kind === "actor")
      .map(([name, { place }]) => ({ name, place }));
  }

  /** Finds where an export was declared. */
  locate(file: string, name: string): Located {
    const nowhere = { file, line: 1, column: 1 };
    const exported = this.files.get(file)?.exports.get(name)?.place ?? nowhere;
    const found = this.#follow(file, name, new Set());
    if (found === undefined) return { exported, declared: exported, docs: undefined, actor: undefined, steps: 0 };
    const { entry, steps } = found;
    const { origin } = entry;
    const actor = origin.kind === "actor" ? origin.actor : undefined;
    const docs = origin.kind === "value" ? origin.docs : actor?.docs;
    return { exported, declared: actor?.place ?? entry.place, docs, actor, steps };
  }

  #follow(file: string, name: string, seen: Set<string>): { entry: SourceExport; steps: number } | undefined {
    const source = this.files.get(file);
    const key = `${file}\n${name}`;
    if (source === undefined || seen.has(key)) return undefined;
    seen.add(key);
    const entry = source.exports.get(name);
    if (entry === undefined) {
      // `export *` passes on everything but the default.
      for (const star of name === "default" ? [] : source.stars) {
        const found = this.#followInto(file, star, name, seen);
        if (found !== undefined) return found;
      }
      return undefined;
    }
    if (entry.origin.kind !== "module") return { entry, steps: 0 };
    return this.#followInto(file, entry.origin.specifier, entry.origin.name, seen) ?? { entry, steps: 0 };
  }

  #followInto(file: string, specifier: string, name: string, seen: Set<string>) {
    const target = this.resolve(file, specifier);
    const found = target === undefined ? undefined : this.#follow(target, name, seen);
    return found === undefined ? undefined : { entry: found.entry, steps: found.steps + 1 };
  }
}
