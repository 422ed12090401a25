/** The actors of a project, as its generated code has them. */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { readConfig } from "../../generator/config.js";
import type { Actor } from "../actor.js";
import { Failure } from "./exit.js";
import { note } from "./json.js";
import { importModule } from "./module.js";

/** All actors of the project in this folder; none where nothing has been generated, or what was cannot be loaded here. */
export async function loadActors(): Promise<readonly Actor[]> {
  try {
    return await load();
  } catch (error) {
    note(`The contracts are not known here: ${(error as Error).message}`);
    return [];
  }
}

/** The same for what cannot be done without them. */
export async function requireActors(): Promise<readonly Actor[]> {
  const actors = await load();
  if (actors.length > 0) return actors;
  throw new Failure(`There are no generated actors in ${readConfig(process.cwd()).generated}: run \`callboard gen\`.`);
}

async function load(): Promise<readonly Actor[]> {
  const folder = actorsFolder();
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const modules = await Promise.all(files.map((name) => importModule(join(folder, name))));
  return modules.flatMap((module) => Object.values(module).filter(isActor));
}

function actorsFolder(): string {
  const { root, generated } = readConfig(process.cwd());
  return join(resolve(root, generated), "actors");
}

function isActor(value: unknown): value is Actor {
  return (
    typeof value === "object" && value !== null && "fingerprint" in value && "input" in value && "options" in value
  );
}
