/** Paths inside a project, with forward slashes on every system. */
import { posix, sep } from "node:path";

/** The path with forward slashes. */
export function toPosix(path: string): string {
  return sep === "/" ? path : path.split(sep).join("/");
}

/** The import specifier that leads from one file to another: `../contracts/payments.js`. */
export function specifierTo(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), to);
  return path.startsWith(".") ? path : `./${path}`;
}

/** A contract's path without the folder and the extension: `billing/user-mail`. */
export function stemOf(file: string, folder: string): string {
  return posix.relative(folder, file).replace(/\.m?ts$/, "");
}
