/** Decides whether values of a shape can travel: as plain JSON, tagged, or not at all. */
import { children, type Shape, type Side } from "./shape.js";

/** How the values of one side travel. */
export interface Travel {
  /** They hold types that JSON lacks, so that they travel by `runtime/vocabulary/tagged.ts`. */
  readonly tagged: boolean;
  readonly obstacles: readonly Obstacle[];
}

/** A part that cannot travel. */
export interface Obstacle {
  /** Where in the value: `items[].price`; empty for the value itself. */
  readonly path: string;
  readonly what: string;
  readonly instead: string;
}

/** The classes that `runtime/vocabulary/tagged.ts` knows. */
const taggedClasses: readonly string[] = ["Date", "Uint8Array"];

/** Decides how the wire side of a schema travels. */
export function examine(side: Side): Travel {
  const obstacles: Obstacle[] = [];
  const seen = new Set<string>();
  let tagged = false;

  function visit(shape: Shape, path: string, within: Shape | undefined): void {
    const refuse = (what: string, instead: string) => obstacles.push({ path, what, instead });
    switch (shape.kind) {
      case "foreign":
        refuse(shape.what, shape.instead);
        return;
      case "global":
        if (taggedClasses.includes(shape.name)) tagged = true;
        else refuse(`an instance of ${shape.name}`, "a plain value, or z.codec() that makes the instance of one");
        return;
      case "keyword":
        if (shape.name === "bigint") tagged = true;
        if (shape.name === "symbol") refuse("a symbol", "z.string() or z.enum()");
        if (shape.name === "void") refuse("void", path === "" ? voidInstead : "z.null()");
        if (shape.name === "undefined") visitUndefined(within, refuse);
        return;
      case "literal":
        if (typeof shape.value === "object") tagged = true;
        return;
      case "map":
      case "set":
        tagged = true;
        break;
      case "reference": {
        const definition = side.definitions[shape.id];
        if (definition === undefined || seen.has(shape.id)) return;
        seen.add(shape.id);
        visit(definition.shape, path, within);
        return;
      }
      default:
    }
    // What stands in a union or an intersection stands where that stands.
    const holder =
      shape.kind === "union" || shape.kind === "intersection" || shape.kind === "readonly" ? within : shape;
    for (const { step, shape: child } of children(shape)) visit(child, extend(path, step), holder);
  }

  visit(side.shape, "", undefined);
  return { tagged, obstacles: withoutRepetition(obstacles) };
}

const voidInstead = "no output at all: leave it out for fire and forget";

/** JSON leaves out a property that is undefined, and has no word for it anywhere else. */
function visitUndefined(within: Shape | undefined, refuse: (what: string, instead: string) => void): void {
  if (within === undefined) refuse("undefined", "z.null() or .nullable()");
  else if (within.kind === "array" || within.kind === "set" || within.kind === "map") {
    const instead = ".nullable() in place of .optional() or .default(): JSON writes undefined in a list as null";
    refuse("undefined inside a list", instead);
  }
}

function extend(path: string, step: string): string {
  return path === "" && step.startsWith(".") ? step.slice(1) : `${path}${step}`;
}

function withoutRepetition(obstacles: readonly Obstacle[]): readonly Obstacle[] {
  return [...new Map(obstacles.map((obstacle) => [JSON.stringify(obstacle), obstacle])).values()];
}
