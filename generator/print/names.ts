/** Makes names that are valid, and free. */

const reserved = new Set(
  (
    "await break case catch class const continue debugger default delete do else enum export extends false finally for " +
    "function if implements import in instanceof interface let new null package private protected public return static " +
    "super switch this throw true try typeof var void while with yield arguments eval async of get set undefined"
  ).split(" "),
);
/** Words that are reserved only in some places and are fine as names of exports. */
const contextual = new Set(["async", "of", "get", "set"]);

/** Whether a name can be declared in a module. */
export function isSafeIdentifier(name: string): boolean {
  return isIdentifier(name) && (!reserved.has(name) || contextual.has(name));
}

/** Whether a name can stand after a dot. */
export function isIdentifier(name: string): boolean {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name);
}

/** `billing/user-mail` as `billingUserMail`. */
export function camelCase(path: string): string {
  const words = path.split(/[^\p{L}\p{N}$_]+/u).filter((word) => word !== "");
  return words.map((word, index) => (index === 0 ? lowerFirst(word) : upperFirst(word))).join("");
}

/** `billingUserMail` as `BillingUserMail`. */
export function pascalCase(path: string): string {
  return upperFirst(camelCase(path));
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** The name, or the name with underscores where it is taken or reserved. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  while (taken.has(free) || !isSafeIdentifier(free)) free = `${free}_`;
  return free;
}

/** A text in quotes, in those that need fewer escapes. */
export function quote(text: string): string {
  const json = JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
  const count = (mark: string) => text.split(mark).length - 1;
  if (count('"') <= count("'")) return json;
  return `'${json.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** A property's name as it is written in a type. */
export function propertyName(name: string): string {
  return isIdentifier(name) ? name : quote(name);
}
