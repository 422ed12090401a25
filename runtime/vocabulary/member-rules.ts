/** Options that are objects: what their members may be, and what is wrong with them. */
import { nearest } from "./nearest.js";

/** What one member may be, and how that is said. */
export interface MemberRule {
  readonly check: (value: unknown) => boolean;
  readonly expected: string;
}

/** What is wrong with an object, in a sentence; `undefined` when nothing is. */
export function faultOf(
  given: object,
  rules: Readonly<Record<string, MemberRule>>,
  required: readonly string[],
): string | undefined {
  const names = Object.keys(rules);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, names);
    const help = near === undefined ? `Known options: ${names.join(", ")}.` : `Did you mean "${near}"?`;
    return `there is no option "${unknown}" of it. ${help}`;
  }
  for (const [name, { check, expected }] of Object.entries(rules)) {
    const value: unknown = Reflect.get(given, name);
    if (value === undefined ? required.includes(name) : !check(value)) {
      const shown =
        typeof value === "string" ? JSON.stringify(value) : typeof value === "number" ? value : typeof value;
      return `its "${name}" must be ${expected}; it is ${shown}.`;
    }
  }
  return undefined;
}
