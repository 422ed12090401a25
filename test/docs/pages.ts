/** The README, SECURITY.md and the pages of docs/, and what they show. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of this repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The paths of all pages. */
export const pages = [
  "README.md",
  "SECURITY.md",
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
].filter((page) => page.endsWith(".md"));

/** The text of a page. */
export const read = (page: string): string => readFileSync(join(root, page), "utf8");

/** The tsconfig.json that the README tells its readers to write. */
export function tsconfigOfReadme(): string {
  const [, text] = /^```jsonc\n\/\/ tsconfig\.json\n(.*?)^```$/ms.exec(read("README.md")) ?? [];
  if (text === undefined) throw new Error("The README shows no tsconfig.json.");
  return text;
}
