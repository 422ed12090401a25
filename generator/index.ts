/** The generator: from a project's contracts to typed clients, workers and handler stubs. */
export { readConfig, type GeneratorConfig } from "./config.js";
export { FolderWatchers } from "./folder-watchers.js";
export {
  generate,
  Generator,
  type DeclaredActor,
  type GenerateOptions,
  type Report,
  type StaleFile,
} from "./generate.js";
export { formatProblem, problemCodes, type Place, type Problem, type ProblemCode } from "./problems.js";
export { watch } from "./watch.js";
