import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createProject } from "../setup/project.js";

test("--version prints the package's version", async () => {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { code, stdout } = await createProject().callboard("--version");
  expect(stdout.trim()).toBe((JSON.parse(manifest) as { version: string }).version);
  expect(code).toBe(0);
});

test("--help names the commands, and a command's --help its options, without colours in a pipe", async () => {
  const project = createProject();
  const all = await project.callboard("--help");
  expect(all.stdout).toMatch(/gen {2}.*\n.*acl {2}.*\n.*worker {2}/);
  expect(all.code).toBe(0);
  const worker = await project.callboard("worker", "--help");
  expect(worker.stdout).toContain("--concurrency=<n>");
  expect(worker.stdout).not.toContain("\u001B");
  expect(worker.code).toBe(0);
});

test("every command's --help fits a terminal, and names the command as it is called", async () => {
  const project = createProject();
  const commands = [
    "gen",
    "acl",
    "worker",
    "queues",
    "workers",
    "schedules",
    "pause",
    "resume",
    "send",
    "cancel",
    "status",
  ];
  const actions = ["list", "show", "replay", "purge"].map((action) => `dead ${action}`);
  for (const command of ["", ...commands, "dead", ...actions]) {
    const { stdout } = await project.callboard(...command.split(" ").filter(Boolean), "--help");
    expect(stdout).toContain(`USAGE ${`callboard ${command}`.trim()}`);
    expect(stdout.split("\n").filter((line) => line.length > 80 || line.endsWith(" "))).toEqual([]);
  }
}, 60_000);

test("colours are for terminals, also where CI is set, and for who asks for them", async () => {
  const project = createProject();
  const help = async (env: Readonly<Record<string, string>>) => (await project.start(["--help"], env).ended).stdout;
  expect(await help({ CI: "true" })).not.toContain("\u001B");
  expect(await help({ FORCE_COLOR: "1" })).toContain("\u001B");
  expect(await help({ FORCE_COLOR: "1", NO_COLOR: "1" })).not.toContain("\u001B");
});

test("with --json, what is wrong is one line of JSON on standard error, with the exit code", async () => {
  const project = createProject();
  const wrong = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await project.callboard(...args, "--json");
    expect(stdout).toBe("");
    expect(stderr.split("\n")).toHaveLength(2);
    return { exit: code, told: JSON.parse(stderr) as unknown };
  };
  expect(await wrong("qeues")).toEqual({
    exit: 2,
    told: { error: 'There is no command "qeues". Did you mean "queues"?', code: 2 },
  });
  expect(await wrong("queues", "--url=redis://127.0.0.1:1/0")).toEqual({
    exit: 1,
    told: { error: "redis 127.0.0.1:1/0 cannot be reached: connect ECONNREFUSED 127.0.0.1:1", code: 1 },
  });
  expect(await wrong("dead", "list", "--reason=odd", "--url=redis://127.0.0.1:1/0")).toMatchObject({ exit: 2 });
});

describe("a wrong call exits with 2 and says what is wrong", () => {
  test.each([
    [[], "Name a command: gen, acl, worker, queues, workers, schedules, dead, pause, resume, send, cancel or status."],
    [["wroker"], 'There is no command "wroker". Did you mean "worker"?'],
    [["deploy"], 'There is no command "deploy". Known commands: gen, acl, worker, queues, '],
    [["dead"], "Name a command: list, show, replay or purge."],
    [["dead", "lits"], 'There is no command "lits". Did you mean "list"?'],
    [["dead", "show"], "The argument <id> is missing."],
    [["cancel", "a.b"], "The argument <id> is missing."],
    [["status", "a.b", "id", "more"], 'The argument "more" is one too many.'],
    [["stats"], 'There is no command "stats". Did you mean "status"?'],
    [["queues", "one", "two"], 'The argument "two" is one too many.'],
    [["queues"], "Say where the broker is: --url=redis://…, the environment variable CALLBOARD_URL, or"],
    [["queues", "--url=redis://localhost", "--queue-type=classic"], "--queue-type is for RabbitMQ alone."],
    [
      ["queues", "--url=amqp://localhost", "--queue-type=fast"],
      '--queue-type must be quorum or classic; it is "fast".',
    ],
    [["queues", "--url=kafka://user:word@localhost"], '"kafka://***@localhost" is no broker\'s URL'],
    [["queues", "--url=redis://localhost/x"], '"redis://localhost/x" is wrong: the path of a Redis URL'],
    [["dead", "list", "--limit=0"], '--limit must be a whole number, 1 or more; it is "0".'],
    [
      ["dead", "purge", "--older-than=5"],
      '--older-than must be a duration with its unit, such as 10m or 7d; it is "5".',
    ],
    [["queues", "--url=localhost:6379"], '"localhost:6379" is no broker\'s URL'],
    [
      ["dead", "list", "--older-than=soon"],
      '--older-than must be a duration with its unit, such as 10m or 7d; it is "soon".',
    ],
    [["pause", "--queue=a", "--actor=b"], "Give one of these: a name, --queue=<name> or --actor=<name>."],
    [["pause", "a", "--queue=a"], "Give one of these: a name, --queue=<name> or --actor=<name>."],
    [["resume"], "Give one of these: a name, --queue=<name> or --actor=<name>."],
    [["send", "a.b", "{}", "--timeout=1s"], "--timeout is for --wait alone."],
    [["send", "a.b", "{"], "The input is no JSON: "],
    [["gen", "--chek"], 'There is no option "--chek". Did you mean "--check"?'],
    [["gen", "-x"], 'There is no option "-x". Known options: --check'],
    [["gen", "--check=yes"], "The option --check takes no value."],
    [["gen", "--contracts"], "The option --contracts needs a value."],
    [["gen", "--contracts", "--check"], "The option --contracts needs a value."],
    [["gen", "contracts"], 'The argument "contracts" is one too many.'],
    [["gen", "--check", "--watch"], "Give --check or --watch, not both."],
    [["acl"], "Name the broker: --broker=redis or --broker=rabbitmq."],
    [["acl", "--broker=memory"], "Name the broker: --broker=redis or --broker=rabbitmq."],
    [["acl", "--broker=redis", "--vhost=v"], "--vhost is for RabbitMQ alone."],
    [["acl", "--broker=redis", "--prefix=a b"], '"prefix" may hold letters, digits and . : _ -; it is "a b".'],
    [["worker"], "The argument <file> is missing."],
    [["worker", "absent.ts"], "There is no file absent.ts."],
    [["worker", "node_modules"], "There is no file node_modules."],
    [["worker", "a.ts", "--concurrency", "0"], '--concurrency must be a whole number, 1 or more; it is "0".'],
    [["worker", "a.ts", "--concurrency", "many"], '--concurrency must be a whole number, 1 or more; it is "many".'],
    [["worker", "a.ts", "--processes", "0"], '--processes must be a whole number, 1 or more; it is "0".'],
    [
      ["worker", "a.ts", "--shutdown-timeout", "30"],
      '--shutdown-timeout must be a duration with its unit, such as 30s or 5m; it is "30".',
    ],
    [
      ["worker", "a.ts", "--log-level", "loud"],
      "--log-level must be one of trace, debug, info, warn, error, fatal, silent",
    ],
    [["worker", "a.ts", "--http", "9191"], '--http must be an address such as 127.0.0.1:9191; it is "9191".'],
    [
      ["worker", "a.ts", "--http", "localhost:99999"],
      '--http must be an address such as 127.0.0.1:9191; it is "localhost:99999".',
    ],
    [["worker", "a.ts", "--http", "http://localhost:80"], "--http must be an address such as 127.0.0.1:9191"],
    [["worker", "a.ts", "--wach"], 'There is no option "--wach". Did you mean "--watch"?'],
    [["worker", "a.ts", "--pid-file"], "The option --pid-file needs a value."],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await createProject().callboard(...args);
    expect(stderr).toContain(`callboard: ${message}`);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});
