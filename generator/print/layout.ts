/** Lays text out over lines: what fits on one stays there, what does not is broken where its author allowed it. */

/** How wide generated lines may be. */
export const PRINT_WIDTH = 120;

/** Text with places where it may be broken. */
export type Doc =
  | string
  | readonly Doc[]
  /** Broken as a whole, or not at all. */
  | { readonly kind: "group"; readonly content: Doc }
  /** Two spaces further in, wherever it is broken. */
  | { readonly kind: "indent"; readonly content: Doc }
  /** A line break in a broken group, `flat` elsewhere. A hard one breaks every group around it. */
  | { readonly kind: "line"; readonly flat: string; readonly hard: boolean }
  | { readonly kind: "choice"; readonly broken: Doc; readonly flat: Doc };

/** A space, or a line break. */
export const line: Doc = { kind: "line", flat: " ", hard: false };
/** Nothing, or a line break. */
export const softline: Doc = { kind: "line", flat: "", hard: false };
/** Always a line break. */
export const hardline: Doc = { kind: "line", flat: "", hard: true };

/** Text that is broken as a whole. */
export function group(...content: Doc[]): Doc {
  return { kind: "group", content };
}

/** Text that stands further in. */
export function indent(...content: Doc[]): Doc {
  return { kind: "indent", content };
}

/** One text in a broken group, another elsewhere. */
export function ifBroken(broken: Doc, flat: Doc = ""): Doc {
  return { kind: "choice", broken, flat };
}

/** Texts with a separator between them. */
export function join(separator: Doc, docs: readonly Doc[]): Doc {
  return docs.flatMap((doc, index) => (index === 0 ? [doc] : [separator, doc]));
}

interface Command {
  readonly indentation: number;
  readonly broken: boolean;
  readonly doc: Doc;
}

/** Prints a document. */
export function layOut(doc: Doc, { width = PRINT_WIDTH } = {}): string {
  let text = "";
  let position = 0;
  const stack: Command[] = [{ indentation: 0, broken: true, doc }];
  for (let command = stack.pop(); command !== undefined; command = stack.pop()) {
    const { indentation, broken, doc: current } = command;
    if (typeof current === "string") {
      text += current;
      position += current.length;
    } else if (!("kind" in current)) {
      for (const part of current.toReversed()) stack.push({ indentation, broken, doc: part });
    } else if (current.kind === "indent") {
      stack.push({ indentation: indentation + 2, broken, doc: current.content });
    } else if (current.kind === "choice") {
      stack.push({ indentation, broken, doc: broken ? current.broken : current.flat });
    } else if (current.kind === "group") {
      const fits = !holdsHardline(current.content) && fitsIn(width - position, current.content, stack);
      stack.push({ indentation, broken: !fits, doc: current.content });
    } else if (broken) {
      text = `${text.trimEnd()}\n${" ".repeat(indentation)}`;
      position = indentation;
    } else {
      text += current.flat;
      position += current.flat.length;
    }
  }
  return text;
}

/** Whether a flat document, with all that follows it up to the next possible break, fits in the room. */
function fitsIn(room: number, doc: Doc, following: readonly Command[]): boolean {
  let left = room;
  let rest = following.length;
  const stack: Command[] = [{ indentation: 0, broken: false, doc }];
  // What follows is mostly not come to: to copy it each time would make long documents slow.
  const next = () => stack.pop() ?? following[--rest];
  for (let command = next(); command !== undefined; command = next()) {
    const { broken, doc: current } = command;
    if (typeof current === "string") {
      left -= current.length;
      if (left < 0) return false;
    } else if (!("kind" in current)) {
      for (const part of current.toReversed()) stack.push({ ...command, doc: part });
    } else if (current.kind === "choice") {
      stack.push({ ...command, doc: broken ? current.broken : current.flat });
    } else if (current.kind === "group") {
      stack.push({ ...command, broken: broken && holdsHardline(current.content), doc: current.content });
    } else if (current.kind === "indent") {
      stack.push({ ...command, doc: current.content });
    } else if (broken) {
      return true;
    } else {
      left -= current.flat.length;
      if (left < 0) return false;
    }
  }
  return true;
}

function holdsHardline(doc: Doc): boolean {
  if (typeof doc === "string") return false;
  if (!("kind" in doc)) return doc.some(holdsHardline);
  if (doc.kind === "line") return doc.hard;
  if (doc.kind === "choice") return holdsHardline(doc.flat);
  return holdsHardline(doc.content);
}
