/** Log lines for people: time, level and message, the fields on one line, and below it the error with its stack. */
import { createRequire } from "node:module";
import type * as PinoPretty from "pino-pretty";
import { lines } from "../support/printable.js";
import { fieldsOf } from "../wire/json.js";

/** How many frames of each error in a stack are shown at most. */
const MOST_FRAMES = 6;
/** How many lines of an error with all of its causes are shown. */
const MOST_LINES = 40;
/** How much of each line is shown, in characters. */
const LONGEST_LINE = 500;

type Fields = Readonly<Record<string, unknown>>;

/** Makes a function that turns a line of JSON, as pino writes it, into lines for people. What is no JSON stays as it is. */
export function createReadable(): (line: string) => string {
  // Loaded where there is a terminal, and nowhere else.
  const { prettyFactory }: typeof PinoPretty = createRequire(import.meta.url)("pino-pretty");
  const pretty = prettyFactory({ singleLine: true, ignore: "pid,hostname", errorLikeObjectKeys: [] });
  return (line) => {
    const log = read(line);
    if (log === undefined) return line;
    const { fields, error } = withoutError(log);
    const { msg } = fields;
    const head = pretty(typeof msg === "string" ? { ...fields, msg: lines(msg) } : fields);
    return error === undefined ? head : `${head}${shorten(error)}\n`;
  };
}

function read(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? fieldsOf(value) : undefined;
  } catch {
    return undefined;
  }
}

/** A log line without the error that it tells of, and that error's text: pino's own `err`, or `error` and `stack`. */
function withoutError(log: Fields): { readonly fields: Fields; readonly error?: string } {
  const { err, error, stack, ...others } = log;
  const { type: _type, message: _message, stack: thrownAt, ...more } = fieldsOf(err);
  if (typeof thrownAt === "string") {
    const { err: _err, ...fields } = log;
    return { fields: Object.keys(more).length === 0 ? fields : { ...fields, err: more }, error: thrownAt };
  }
  if (typeof error !== "string") return { fields: log };
  const fields = err === undefined ? others : { ...others, err };
  if (typeof stack !== "string") return { fields, error };
  // An error that was given another name has the first one in its stack.
  return { fields, error: stack.startsWith(error) ? stack : `${error}\n${stack}` };
}

/** Of each error of a stack where it was thrown and the first frames of the user's own code, indented. */
function shorten(stack: string): string {
  const shown: string[] = [];
  let [frames, hidden] = [0, 0];
  const endFrames = () => {
    if (hidden > 0) shown.push(`    … and ${hidden} more`);
    [frames, hidden] = [0, 0];
  };
  for (const line of lines(stack, LONGEST_LINE).split("\n")) {
    if (!/^\s+at /.test(line)) {
      endFrames();
      shown.push(line);
    } else if (frames === MOST_FRAMES || (frames > 0 && isForeign(line))) {
      hidden++;
    } else {
      shown.push(line);
      frames++;
    }
  }
  endFrames();
  const whole = shown.length <= MOST_LINES ? shown : [...shown.slice(0, MOST_LINES), "…"];
  return whole.map((line) => `    ${line}`).join("\n");
}

/** Whether a frame is in a package, Callboard's own among them, or in Node itself. */
function isForeign(frame: string): boolean {
  return /[\\/]node_modules[\\/]|\bnode:/.test(frame);
}
