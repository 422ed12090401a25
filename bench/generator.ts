/** Measures the generator: the time and the memory that it takes, and what its output costs those who import it. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { build } from "esbuild";
import { median } from "./measure.js";
import { contractText, handWrittenClient, producerText } from "./shop.js";

/** npm runs scripts at the root of the repository. */
const repository = process.cwd();
const command = join(repository, "dist/cli/main.js");

/** What a run of the generator took. */
export interface GeneratorRun {
  /** From the start of the process to its end. */
  readonly milliseconds: number;
  /** The most that all its processes held in memory at a time. 0 where the system has no /proc. */
  readonly peakBytes: number;
}

/** What it costs to type-check a producer that imports a whole client, in milliseconds. */
export interface TypeCheckCost {
  readonly generated: number;
  readonly handWritten: number;
  /** The one by the other, run by run: the median. */
  readonly ratio: number;
}

/** What it costs to import a generated client. */
export interface ImportCost {
  /** `import` of the client, in a process that has loaded nothing else: the median. */
  readonly milliseconds: number;
  /** The packages that are loaded with the client and the Redis broker. */
  readonly redis: readonly string[];
  /** The packages that are loaded with the client and the RabbitMQ broker. */
  readonly rabbitmq: readonly string[];
}

/** Makes a project of contract files with two actors each. This package is installed in it as it was built last. */
export async function makeProject(dir: string, files: number): Promise<void> {
  if (!existsSync(command) || !existsSync(join(repository, "dist/index.d.ts"))) {
    throw new Error("The package is not built: `npm run build` first.");
  }
  const modules = join(dir, "node_modules");
  await mkdir(modules, { recursive: true });
  const packages = ["zod", "ioredis", "amqplib", "@types"];
  await Promise.all([
    symlink(repository, join(modules, "callboard"), "junction"),
    ...packages.map((name) => symlink(join(repository, "node_modules", name), join(modules, name), "junction")),
    write(dir, "package.json", JSON.stringify({ name: "shops", private: true, type: "module" })),
    ...Array.from({ length: files }, (_, shop) => write(dir, `contracts/shop${shop}.ts`, contractText(shop))),
  ]);
}

/**
 * Generates from nothing: there are no generated files and no handlers, and nothing is remembered. What an earlier run
 * has made is put aside, not removed: for some seconds ext4 goes round thousands of removed files, and would be measured.
 */
export async function coldRun(dir: string): Promise<GeneratorRun> {
  const aside = await mkdtemp(join(dir, "earlier-"));
  for (const [index, name] of ["generated", "handlers", "node_modules/.cache"].entries()) {
    if (existsSync(join(dir, name))) await rename(join(dir, name), join(aside, String(index)));
  }
  return generate(dir);
}

/** Generates again although nothing has changed. A run of the same project must have gone before. */
export async function unchangedRun(dir: string): Promise<GeneratorRun> {
  return generate(dir);
}

/**
 * Changes a contract under `gen --watch`, time after time. From each write to the change of the generated file, in
 * milliseconds; the first change is not counted.
 */
export async function watchRun(dir: string, changes = 5): Promise<readonly number[]> {
  const contract = join(dir, "contracts/shop0.ts");
  const generated = join(dir, "generated/actors/shop0.ts");
  const original = await readFile(contract, "utf8");
  const watcher = spawn(process.execPath, [command, "gen", "--watch"], {
    cwd: dir,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => watcher.once("close", resolve));
  const times: number[] = [];
  try {
    await printed(watcher.stdout, "watching");
    for (let change = 0; change <= changes; change++) {
      // What the last change has left to do is not the next one's.
      await wait(500);
      const field = `note${change}`;
      const started = performance.now();
      await writeFile(contract, original.replace("note:", `${field}:`));
      while (!readFileSync(generated, "utf8").includes(field)) await wait(1);
      if (change > 0) times.push(performance.now() - started);
    }
  } finally {
    watcher.kill("SIGTERM");
    await ended;
    await writeFile(contract, original);
  }
  return times;
}

/** Type-checks a producer with the generated client and with one written by hand, in turn; one round is not counted. */
export async function typeCheckRatio(dir: string, rounds = 5): Promise<TypeCheckCost> {
  const shops = readdirSync(join(dir, "contracts")).length;
  const broker = 'import { redisBroker } from "callboard/redis";\n\nconst target = redisBroker("redis://localhost");';
  const redis = 'import { Redis } from "ioredis";\n\nconst target = new Redis("redis://localhost");';
  const sources = {
    "generated-client/tsconfig.json": tsconfig,
    "generated-client/producer.ts": producerText("../generated/client.js", broker),
    "hand-written-client/tsconfig.json": tsconfig,
    "hand-written-client/producer.ts": producerText("./client.js", redis),
    ...handWrittenClient("hand-written-client", shops),
  };
  await Promise.all(Object.entries(sources).map(([path, text]) => write(dir, path, text)));
  const costs: { readonly generated: number; readonly handWritten: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const generated = await typeCheck(join(dir, "generated-client"));
    costs.push({ generated, handWritten: await typeCheck(join(dir, "hand-written-client")) });
  }
  const counted = costs.slice(1);
  return {
    generated: median(counted.map((cost) => cost.generated)),
    handWritten: median(counted.map((cost) => cost.handWritten)),
    ratio: median(counted.map((cost) => cost.generated / cost.handWritten)),
  };
}

/** Imports the generated client, compiled file by file, and notes which packages come with it and a broker. */
export async function importTime(dir: string, rounds = 5): Promise<ImportCost> {
  const compiled = join(dir, "compiled");
  const generated = join(dir, "generated");
  const files = readdirSync(generated, { recursive: true, encoding: "utf8" }).filter((path) => /\.(js|ts)$/.test(path));
  await build({
    entryPoints: files.filter((path) => !path.endsWith(".d.ts")).map((path) => join(generated, path)),
    outbase: generated,
    outdir: compiled,
    format: "esm",
  });
  const timing =
    'const start = performance.now(); await import("./compiled/client.js"); console.log(performance.now() - start);';
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", timing], dir);
    times.push(Number(stdout));
  }
  return {
    milliseconds: median(times),
    redis: await packagesOf(dir, "callboard/redis"),
    rabbitmq: await packagesOf(dir, "callboard/rabbitmq"),
  };
}

/** Prints the specifier of each module that is loaded, by `import` or by `require`. */
const tracer = `
  import { Module, register } from "node:module";
  const load = Module._load;
  Module._load = function (request, ...rest) { process._rawDebug("load " + request); return load.call(this, request, ...rest); };
  register("data:text/javascript," + encodeURIComponent(\`
    export function resolve(specifier, context, next) { process._rawDebug("load " + specifier); return next(specifier, context); }
  \`));
`;

/** The packages that come with the client and a broker; a package's parts count as the package. */
async function packagesOf(dir: string, broker: string): Promise<readonly string[]> {
  const trace = `data:text/javascript,${encodeURIComponent(tracer)}`;
  const program = `await import("./compiled/client.js"); await import("${broker}");`;
  const { stderr } = await run(process.execPath, ["--import", trace, "--input-type=module", "--eval", program], dir);
  const specifiers = [...stderr.matchAll(/^load (\S+)$/gm)].map(([, specifier = ""]) => specifier);
  const packages = specifiers.filter((specifier) => /^[@a-z]/.test(specifier) && !/^(node|data|file):/.test(specifier));
  const names = packages.map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
  return [...new Set(names)].filter((name) => !isBuiltin(name)).toSorted();
}

/** What every project of a user's has, made quick to check in the same way on both sides. */
const tsconfig = JSON.stringify({
  compilerOptions: {
    target: "es2022",
    lib: ["es2023"],
    types: ["node"],
    module: "nodenext",
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
  },
  files: ["producer.ts"],
});

async function typeCheck(project: string): Promise<number> {
  const compiler = join(repository, "node_modules/typescript/bin/tsc");
  const started = performance.now();
  await run(process.execPath, [compiler, "--project", project], project);
  return performance.now() - started;
}

async function generate(dir: string): Promise<GeneratorRun> {
  const started = performance.now();
  const { peakBytes } = await run(process.execPath, [command, "gen"], dir);
  return { milliseconds: performance.now() - started, peakBytes };
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly peakBytes: number;
}

/** Runs a program to its end, which must be a good one. */
async function run(program: string, args: readonly string[], cwd: string): Promise<Ended> {
  const child = spawn(program, args, { cwd });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  const memory = new PeakMemory(child.pid ?? 0);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const peakBytes = memory.stop();
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${output.stdout}${output.stderr}`);
  return { ...output, peakBytes };
}

/** Looks at a process and those that it has started until it is stopped. */
class PeakMemory {
  #peak = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(() => this.#look(pid), 20);
  }

  /** The most that they held at a time, in bytes. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#peak;
  }

  #look(top: number): void {
    const family = new Set([top]);
    let sum = 0;
    for (const { pid, parent, bytes } of processes()) {
      if (pid !== top && !family.has(parent)) continue;
      family.add(pid);
      sum += bytes;
    }
    this.#peak = Math.max(this.#peak, sum);
  }
}

/** All processes of the machine, parents mostly before their children, with their resident memory; none without a /proc. */
function processes(): readonly { readonly pid: number; readonly parent: number; readonly bytes: number }[] {
  if (!existsSync("/proc/self/status")) return [];
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids
    .sort((a, b) => a - b)
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0);
        return [{ pid, parent: field("PPid"), bytes: field("VmRSS") * 1024 }];
      } catch {
        return []; // It has just ended.
      }
    });
}

/** Resolves when the text was printed. What is printed later is dropped. */
function printed(output: Readable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    output.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(text)) resolve();
    });
    output.once("end", () => reject(new Error(`The program ended without a word of "${text}": ${said}`)));
  });
}

async function write(dir: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), text);
}
