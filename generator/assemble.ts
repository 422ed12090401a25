/** Joins what the sources say with what the contracts are at run time into one model, and finds what is wrong with them. */
import type { OptionIssue } from "../runtime/vocabulary/options.js";
import { findDisagreements } from "../runtime/vocabulary/partitions.js";
import { fingerprint } from "./fingerprint.js";
import { joinDocs } from "./join-docs.js";
import type { LoadedActor } from "./loader.js";
import type { Memo } from "./memo.js";
import type { ActorModel, Group, Model } from "./model.js";
import { stemOf } from "./paths.js";
import { camelCase, isIdentifier, isSafeIdentifier } from "./print/names.js";
import { byCodeUnit, type Place, type ProblemCode, type ProblemInit } from "./problems.js";
import { children, isOpaque, type Shape, type Side } from "./shape.js";
import type { Located, SourceTree } from "./source-tree.js";
import { examine, type Obstacle } from "./travel.js";
import type { CheckedType, CheckerAnswer } from "./typescript/index.js";

/** What a model is made of. */
export interface Parts {
  /** The contracts folder. */
  readonly folder: string;
  readonly files: readonly string[];
  readonly sources: SourceTree;
  readonly exports: ReadonlyMap<string, ReadonlyMap<string, LoadedActor>>;
  readonly resolveTypes: TypeResolver;
  readonly memo: Memo<Created>;
}

/** Asks the type checker for types that schemas do not know, all of them at once: it is slow to start. */
export type TypeResolver = (requests: readonly CheckedType[]) => readonly CheckerAnswer[];

/** The model, if nothing is wrong. */
export interface Assembly {
  readonly model: Model;
  readonly problems: readonly ProblemInit[];
}

/** An actor with the export that gives it its name. */
interface Candidate {
  readonly file: string;
  readonly name: string;
  readonly loaded: LoadedActor;
  readonly located: Located;
}

/** Makes the model. */
export function assemble(parts: Parts): Assembly {
  const problems: ProblemInit[] = [...findMissing(parts)];
  const homes = findHomes(parts, problems);
  const answers = askChecker(homes, parts.resolveTypes);
  const groups: Group[] = [];
  for (const file of parts.files) {
    const candidates = homes.filter((candidate) => candidate.file === file);
    if (candidates.length === 0) continue;
    const stem = stemOf(file, parts.folder);
    const name = camelCase(stem);
    const actors: ActorModel[] = [];
    for (const candidate of candidates.sort(compareCandidates)) {
      const { actor, problems: found } = parts.memo.get(
        `${file}\n${candidate.name}`,
        whatMakes(candidate, name, answers),
        () => createActor(candidate, name, answers),
      );
      problems.push(...found);
      if (actor !== undefined) actors.push(actor);
    }
    groups.push({ name, file, stem, actors });
  }
  problems.push(...checkGroups(groups), ...checkWireNames(groups), ...checkQueues(groups));
  return { model: { groups }, problems };
}

/** Exports that the source calls actors and that are none when it runs. */
function findMissing({ files, sources, exports }: Parts): readonly ProblemInit[] {
  return files.flatMap((file) => {
    const found = exports.get(file);
    if (found === undefined) return [];
    return sources
      .actorExports(file)
      .filter(({ name }) => !found.has(name))
      .map(({ name, place }) =>
        problem("CB1004", place, `"${name}" is declared as an actor, and is something else when ${file} is loaded.`),
      );
  });
}

/** The file and the name that each actor belongs to. */
function findHomes({ files, sources, exports }: Parts, problems: ProblemInit[]): readonly Candidate[] {
  const byActor = new Map<LoadedActor, Candidate[]>();
  for (const file of files) {
    for (const [name, loaded] of exports.get(file) ?? []) {
      const candidate = { file, name, loaded, located: sources.locate(file, name) };
      byActor.set(loaded, [...(byActor.get(loaded) ?? []), candidate]);
    }
  }
  return [...byActor.values()].flatMap((candidates) => {
    // The file that declares it, or else the file that is nearest to the declaration: the others only pass it on.
    const sorted = candidates.toSorted((a, b) => a.located.steps - b.located.steps || byCodeUnit(a.file, b.file));
    const [home] = sorted;
    if (home === undefined) return [];
    const [first, ...others] = sorted.filter(({ file }) => file === home.file).sort(compareExports);
    if (first === undefined) return [];
    for (const { name, located } of others) {
      problems.push(
        problem("CB2003", located.exported, `"${name}" and "${first.name}" of ${home.file} are the same actor.`),
      );
    }
    return [first];
  });
}

function compareExports(a: Candidate, b: Candidate): number {
  return comparePlaces(a.located.exported, b.located.exported) || byCodeUnit(a.name, b.name);
}

function compareCandidates(a: Candidate, b: Candidate): number {
  const own = (candidate: Candidate) => (candidate.located.declared.file === candidate.file ? 0 : 1);
  return (
    own(a) - own(b) ||
    (own(a) === 0 ? comparePlaces(a.located.declared, b.located.declared) : 0) ||
    byCodeUnit(a.name, b.name)
  );
}

function comparePlaces(a: Place, b: Place): number {
  return byCodeUnit(a.file, b.file) || a.line - b.line || a.column - b.column;
}

type Type = CheckedType["type"];

/** The options that are schemas, and the types that each gives an actor: what travels, and what its reader sees. */
const schemaOptions = {
  input: { wire: "input", parsed: "received" },
  output: { wire: "returned", parsed: "output" },
  progress: { wire: "reported", parsed: "progress" },
} as const satisfies Record<string, { readonly wire: Type; readonly parsed: Type }>;
type SchemaOption = keyof typeof schemaOptions;

/** The types of an actor, as far as its schemas know them. */
function drawnSides({ loaded }: Candidate): readonly (readonly [Type, Side])[] {
  if (!loaded.complete) return [];
  const { input, output, progress } = loaded;
  return Object.entries({ input, output, progress }).flatMap(([option, sides]): [Type, Side][] => {
    const { wire, parsed } = schemaOptions[option as SchemaOption];
    if (sides === undefined) return [];
    return [
      [wire, sides.input],
      [parsed, sides.output],
    ];
  });
}

/** The checker's answers, by file, export and type. */
type Answers = ReadonlyMap<string, CheckerAnswer>;

function askChecker(candidates: readonly Candidate[], resolveTypes: TypeResolver): Answers {
  const requests = candidates.flatMap((candidate) =>
    drawnSides(candidate)
      .filter(([, side]) => isOpaque(side))
      .map(([type]): CheckedType => ({ file: candidate.file, name: candidate.name, type })),
  );
  const answers = requests.length === 0 ? [] : resolveTypes(requests);
  const answerOf = (index: number) => answers[index] ?? { reason: "is not known" };
  return new Map(requests.map((request, index) => [keyOf(request), answerOf(index)]));
}

function keyOf({ file, name, type }: CheckedType): string {
  return [file, name, type].join("\n");
}

/** What came of one actor. */
export interface Created {
  readonly actor?: ActorModel;
  readonly problems: readonly ProblemInit[];
}

/** All that an actor is made of. What the source does not show is taken to be new each time. */
function whatMakes({ file, name, loaded, located }: Candidate, group: string, answers: Answers): readonly unknown[] {
  const { line, column } = located.exported;
  const types = Object.values(schemaOptions).flatMap(({ wire, parsed }): Type[] => [wire, parsed]);
  const answered = types.map((type) => answers.get(keyOf({ file, name, type })));
  return [group, loaded, located.actor ?? {}, line, column, ...answered];
}

function createActor(candidate: Candidate, group: string, answers: Answers): Created {
  const problems: ProblemInit[] = [];
  const { name, loaded, located } = candidate;
  const label = `${group}.${name}`;
  if (!isSafeIdentifier(name)) {
    const message =
      name === "default"
        ? `An actor is the default export of ${candidate.file}.`
        : `"${name}" is a reserved word, or no identifier.`;
    problems.push(problem("CB2004", located.exported, message));
  }
  problems.push(...loaded.issues.map((issue) => optionProblem(issue, label, located)));
  if (!loaded.complete) return { problems };

  const input = readOption("input", candidate, label, answers, problems);
  const output = readOption("output", candidate, label, answers, problems);
  const progress = readOption("progress", candidate, label, answers, problems);
  if (input === undefined) return { problems };
  const actor: ActorModel = {
    name,
    wireName: loaded.name ?? label,
    place: located.declared,
    docs: located.docs,
    options: loaded.options,
    fingerprint: fingerprint(
      withResolved(loaded.input.input, input.wire),
      loaded.output === undefined || output === undefined ? [] : withResolved(loaded.output.input, output.wire),
    ),
    input: input.wire,
    received: input.parsed,
    output: output?.parsed,
    returned: output?.wire,
    progress: progress?.parsed,
    reported: progress?.wire,
    tracked: loaded.tracked,
    taggedInput: input.tagged,
    taggedOutput: output?.tagged === true,
    taggedProgress: progress?.tagged === true,
  };
  return { actor, problems };
}

/** A schema's two forms: what travels, and what its reader sees. */
interface Forms {
  readonly wire: Side;
  readonly parsed: Side;
  /** What travels holds types that JSON lacks. */
  readonly tagged: boolean;
}

/** Both forms of a schema with their comments. What is wrong with it is added to the problems, the wire's first. */
function readOption(
  option: SchemaOption,
  candidate: Candidate,
  label: string,
  answers: Answers,
  problems: ProblemInit[],
): Forms | undefined {
  const { file, name, located } = candidate;
  const place = located.actor?.options.get(option)?.value ?? located.declared;
  const docs = located.actor?.[`${option}Docs`];
  const drawn = new Map(drawnSides(candidate));
  const read = (type: Type): CheckerAnswer | undefined => {
    const side = drawn.get(type);
    return side === undefined ? undefined : (answers.get(keyOf({ file, name, type })) ?? side);
  };
  const wire = read(schemaOptions[option].wire);
  const parsed = read(schemaOptions[option].parsed);
  if (wire === undefined || parsed === undefined) return undefined;
  const unprintable = (reason: string) => {
    problems.push(problem("CB4002", place, `${label}: the type of its ${option} ${reason}.`));
    return undefined;
  };
  if ("reason" in wire) return unprintable(wire.reason);
  const { tagged, obstacles } = examine(wire);
  if (obstacles.length > 0) {
    problems.push(...obstacles.map((obstacle) => travelProblem(obstacle, option, label, place)));
    return undefined;
  }
  if ("reason" in parsed) return unprintable(parsed.reason);
  const foreign = findForeign(parsed);
  if (foreign !== undefined) return unprintable(`holds ${foreign}`);
  return { wire: joinDocs(wire, docs), parsed: joinDocs(parsed, docs), tagged };
}

function travelProblem({ path, what, instead }: Obstacle, option: string, label: string, place: Place): ProblemInit {
  const where = path === "" ? `its ${option}` : `"${path}" of its ${option}`;
  const message = `${label}: ${where} holds ${what}, which cannot travel as JSON.`;
  return { ...problem("CB4001", place, message), help: `Use ${instead}.` };
}

/** What the schema knows counts for the fingerprint, and what only the type checker knows counts too. */
function withResolved(drawn: Side, resolved: Side): readonly Side[] {
  return isOpaque(drawn) ? [drawn, resolved] : [drawn];
}

function findForeign({ shape, definitions }: Side): string | undefined {
  const find = (candidate: Shape): string | undefined => {
    if (candidate.kind === "foreign") return candidate.what;
    for (const child of children(candidate)) {
      const found = find(child.shape);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  for (const candidate of [shape, ...Object.values(definitions).map((definition) => definition.shape)]) {
    const found = find(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

function optionProblem({ option, kind, message }: OptionIssue, label: string, located: Located): ProblemInit {
  const places = located.actor?.options.get(option);
  const call = located.actor?.call ?? located.declared;
  const text = `${label}: ${message}`;
  if (kind === "unknown") return problem("CB3001", places?.name ?? call, text);
  if (kind === "invalid") return problem("CB3002", places?.value ?? call, text);
  return problem("CB3003", places?.name ?? call, text);
}

/** Names that generated files declare themselves. */
const takenGroupNames = new Set(["createClient", "createWorker"]);

function checkGroups(groups: readonly Group[]): readonly ProblemInit[] {
  return groups.flatMap((group, index) => {
    const place = { file: group.file, line: 1, column: 1 };
    if (!isIdentifier(group.name)) {
      return [problem("CB2005", place, `"${group.stem}" makes "${group.name}", which is no identifier.`)];
    }
    if (takenGroupNames.has(group.name)) {
      return [problem("CB2005", place, `"${group.name}" is what generated code exports itself.`)];
    }
    const other = groups.slice(0, index).find(({ name }) => name === group.name);
    if (other === undefined) return [];
    return [problem("CB2002", place, `${group.file} and ${other.file} both make the group "${group.name}".`)];
  });
}

function checkWireNames(groups: readonly Group[]): readonly ProblemInit[] {
  const known = new Map<string, ActorModel>();
  return groups.flatMap(({ actors }) =>
    actors.flatMap((actor) => {
      const other = known.get(actor.wireName);
      known.set(actor.wireName, other ?? actor);
      if (other === undefined) return [];
      const { file, line, column } = other.place;
      return [
        problem(
          "CB2001",
          actor.place,
          `"${actor.wireName}" is also the name of the actor at ${file}:${line}:${column}.`,
        ),
      ];
    }),
  );
}

function checkQueues(groups: readonly Group[]): readonly ProblemInit[] {
  const users = groups.flatMap(({ actors }) => actors).map((actor) => ({ ...actor, name: actor.wireName }));
  return findDisagreements(users).map(({ actor, message }) => problem("CB2006", actor.place, message));
}

function problem(code: ProblemCode, { file, line, column }: Place, message: string): ProblemInit {
  return { code, message, file, line, column };
}
