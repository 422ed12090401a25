/** Gives names to the types of one file that hold themselves, and declares them. */
import { pascalCase } from "../print/names.js";
import { hardline, indent, layOut, type Doc } from "../print/layout.js";
import { memberDocs, printFlat, typeDoc, type ReferenceNames } from "../print/types.js";
import type { Definition, Side } from "../shape.js";

/** What TypeScript and generated files call themselves. */
const builtin = [
  "Actor",
  "Array",
  "Date",
  "Map",
  "Partial",
  "Readonly",
  "ReadonlyMap",
  "ReadonlySet",
  "Record",
  "Set",
  "Uint8Array",
];

/** The named types of one file. */
export class NamedTypes {
  /** The text of each declaration, by its name. */
  readonly #declared = new Map<string, string>();
  readonly #taken: ReadonlySet<string>;

  constructor(taken: ReadonlySet<string>) {
    this.#taken = new Set([...taken, ...builtin]);
  }

  get declarations(): readonly string[] {
    return [...this.#declared.values()];
  }

  /** The names of the types of a side. `purpose` names what its author has not. */
  name(side: Side, purpose: Purpose): ReferenceNames {
    const definitions = Object.entries(side.definitions);
    if (definitions.length === 0) return (id) => id;
    // Types that print alike share one name: mostly those of the input and of what is received.
    for (let attempt = 0; ; attempt++) {
      const names = namesOf(definitions, purpose, attempt);
      const references: ReferenceNames = (id) => names.get(id) ?? "never";
      const texts = definitions.map(
        ([id, definition]) => [references(id), declare(references(id), definition, references)] as const,
      );
      if (!texts.every(([name, text]) => this.#isFree(name, text))) continue;
      for (const [name, text] of texts) this.#declared.set(name, text);
      return references;
    }
  }

  #isFree(name: string, text: string): boolean {
    return !this.#taken.has(name) && (this.#declared.get(name) ?? text) === text;
  }
}

/** What a side is for. */
export interface Purpose {
  /** The actor and its option: `saveTree input`. */
  readonly base: string;
  /** Whether it is what the schema gives, not what it is given. */
  readonly parsed: boolean;
}

/** Names for the types of one side: the same for those that print alike, such as two `z.json()`, and no other twice. */
function namesOf(
  definitions: readonly (readonly [string, Definition])[],
  purpose: Purpose,
  attempt: number,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const [id, definition] of definitions) {
    const wanted = nameOf(id, definition, purpose, attempt);
    const text = printFlat(definition.shape, (other) => (other === id ? "this" : other));
    let name = wanted;
    for (let count = 2; (owners.get(name) ?? text) !== text; count++) name = `${wanted}${count}`;
    owners.set(name, text);
    names.set(id, name);
  }
  return names;
}

/** `Category`, then `CategoryParsed`, then `CategoryParsed2`. */
function nameOf(id: string, definition: Definition, { base, parsed }: Purpose, attempt: number): string {
  const unnamed = id === "0" ? base : `${base} ${id}`;
  const name = pascalCase(definition.name ?? unnamed);
  if (attempt === 0) return name;
  const qualified = `${name}${parsed ? "Parsed" : "Input"}`;
  return attempt === 1 ? qualified : `${qualified}${attempt}`;
}

function declare(name: string, { shape }: Definition, references: ReferenceNames): string {
  const isPlainObject = shape.kind === "object" && shape.index === undefined && shape.properties.length > 0;
  const declaration: Doc = isPlainObject
    ? [
        `export interface ${name} {`,
        indent(memberDocs(shape.properties, references).map((member) => [hardline, member])),
        hardline,
        "}",
      ]
    : [`export type ${name} = `, typeDoc(shape, references, "alias"), ";"];
  return layOut(declaration);
}
