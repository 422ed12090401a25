/** `callboard worker --http`: how the workers are, for whoever watches over them. */
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import parse from "parse-prometheus-text-format";
import { expect, inject, onTestFinished, test } from "vitest";
import { statusRoutes } from "../../runtime/cli/status.js";
import { startRedis } from "../setup/redis.js";
import { eventually } from "../support/eventually.js";
import { ask, createWorkerProject, pidsOf, urlOf } from "./traffic.js";

test("/healthz is 200 while every process is really fetching, /readyz once all have begun", async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const project = await createWorkerProject(server.url);
  const command = await project.start("--processes", "2", "--http", "127.0.0.1:0");
  const health = (code: number) =>
    eventually(`/healthz to be ${code}`, async () => (await ask(command, "/healthz")).code === code, 60_000);

  await health(200);
  const { status, processes } = await ask(command, "/healthz");
  expect(status).toBe("fetching");
  expect(processes).toEqual(
    [1, 2].map((n) => ({ process: n, pid: expect.any(Number) as number, started: true, healthy: true, running: 0 })),
  );
  expect(await ask(command, "/readyz")).toMatchObject({ code: 200, status: "ready" });

  await server.kill();
  await health(503);
  expect(await ask(command, "/healthz")).toMatchObject({ status: "not fetching" });
  expect(await ask(command, "/readyz")).toMatchObject({ code: 200 });
  await server.restart();
  await health(200);

  // A process that stands still does not answer; its sibling does.
  const [first = 0] = await pidsOf(command);
  process.kill(first, "SIGSTOP");
  const stuck = await ask(command, "/healthz");
  expect(stuck.code).toBe(503);
  expect(stuck.processes).toMatchObject([{ pid: first }, { healthy: true }]);
  expect(stuck.processes[0]).not.toHaveProperty("healthy");
  process.kill(first, "SIGCONT");
  await health(200);
}, 120_000);

test("it is not ready before the broker is there", async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  await server.kill();
  const project = await createWorkerProject(server.url);
  const command = await project.start("--http", "127.0.0.1:0");
  expect(await ask(command, "/readyz")).toMatchObject({ code: 503, status: "not ready" });
  expect(await ask(command, "/healthz")).toMatchObject({ code: 503 });
  await server.restart();
  await eventually("it to be ready", async () => (await ask(command, "/readyz")).code === 200, 60_000);
}, 120_000);

test("/metrics tells what all processes did together, without a line in the worker's file", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--processes", "2", "--concurrency", "5", "--http", "127.0.0.1:0");
  const read = async () => {
    const response = await fetch(`${urlOf(command)}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    return parse(await response.text());
  };
  const value = async (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const metrics = (await read()).find((family) => family.name === name)?.metrics ?? [];
    const isMeant = (has: Readonly<Record<string, string>> = {}) =>
      Object.entries(labels).every(([label, text]) => has[label] === text);
    return metrics.filter((sample) => isMeant(sample.labels)).map((sample) => Number(sample.value));
  };
  const pids = await pidsOf(command);
  project.send(20);
  for (const pid of pids) await project.answered(10, { pid });
  await project.allAnswered();
  const count = project.answers.length;
  await eventually("both to have counted", async () => (await value("callboard_messages_in_progress"))[0] === 0);
  expect(await value("callboard_messages_processed_total", { actor: "demo.step", queue: "default" })).toEqual([count]);
  // What the broker tells is told by both, and is no more for that.
  expect(await value("callboard_broker_up")).toEqual([1]);
  for (let i = 0; i < 30; i++) void project.hold();
  await eventually("messages to wait", async () => {
    const [waiting = 0] = await value("callboard_queue_messages", { queue: "default", state: "waiting" });
    return waiting > 0 && waiting <= 20;
  });
  // What a process has taken it has not begun yet.
  await eventually("ten to be in progress", async () => (await value("callboard_messages_in_progress"))[0] === 10);
  project.release();
  await project.allAnswered();
}, 120_000);

test("/metrics never tells less than before, whatever becomes of a process", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--processes", "2", "--concurrency", "5", "--http", "127.0.0.1:0");
  const processed = async () => {
    const text = await (await fetch(`${urlOf(command)}/metrics`)).text();
    const family = parse(text).find(({ name }) => name === "callboard_messages_processed_total");
    return (family?.metrics ?? []).reduce((sum, { value }) => sum + Number(value), 0);
  };
  const [first = 0, second = 0] = await pidsOf(command);
  project.send(20);
  for (const pid of [first, second]) await project.answered(5, { pid });
  await project.allAnswered();
  const count = project.answers.length;
  await eventually("both to have counted", async () => (await processed()) === count);

  process.kill(first, "SIGSTOP");
  expect(await processed()).toBe(count);
  process.kill(first, "SIGKILL");
  await eventually("another process to begin", async () => !(await pidsOf(command)).includes(first));
  expect(await processed()).toBe(count);

  command.kill("SIGHUP");
  await eventually("new processes to begin", async () => !(await pidsOf(command)).includes(second));
  expect(await processed()).toBe(count);
  project.send(20);
  await project.allAnswered();
  await eventually("new ones to add to it", async () => (await processed()) === project.answers.length);
}, 120_000);

test("processes are measured once for all who ask at once: joined out of turn, one that ends meanwhile would count twice", async () => {
  let measured = 0;
  const measure = () => {
    measured++;
    return Promise.resolve(new Map());
  };
  const scrape = statusRoutes({ reports: () => Promise.resolve([]), measure })["/metrics"];
  const [one, other] = await Promise.all([scrape?.(), scrape?.()]);
  expect([one?.status, other, measured]).toEqual([200, one, 1]);
  await scrape?.();
  expect(measured).toBe(2);
});

test("other paths and methods are answered with what there is", async () => {
  const project = await createWorkerProject("redis://127.0.0.1:1");
  const command = await project.start("--http", "localhost:0");
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`${urlOf(command)}${path}`, { method });
    return [response.status, await response.text()];
  };
  expect(await get("/")).toEqual([404, "There are /healthz, /readyz, /metrics.\n"]);
  expect(await get("/__proto__")).toEqual([404, "There are /healthz, /readyz, /metrics.\n"]);
  expect(await get("/healthz", "POST")).toEqual([405, "Only GET and HEAD are answered.\n"]);
  expect(await get("/readyz?verbose", "HEAD")).toEqual([503, ""]);
});

test("a port in use is said in one line, and no worker is started", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const project = await createWorkerProject("redis://127.0.0.1:1");
  const { code, stdout, stderr } = await project.files.callboard("worker", "worker.ts", "--http", `127.0.0.1:${port}`);
  expect(stderr).toBe(`callboard: --http 127.0.0.1:${port}: the port is in use.\n`);
  expect(stdout).toBe("");
  expect(code).toBe(1);
});
