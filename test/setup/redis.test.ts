import { inject, describe, expect, onTestFinished, test } from "vitest";
import { askRedis as ask, startRedis, type RedisOptions, type RedisServer } from "./redis.js";

async function privateRedis(options?: RedisOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

test("the shared server answers", async () => {
  expect(await ask(inject("redisUrl"), (redis) => redis.ping())).toBe("PONG");
});

describe("a private server", () => {
  test("is another than the shared one", async () => {
    const server = await privateRedis();
    expect(server.url).not.toBe(inject("redisUrl"));
    expect(await ask(server.url, (redis) => redis.ping())).toBe("PONG");
  });

  test("is gone after kill, and back on the same port after restart", async () => {
    const server = await privateRedis();
    await server.kill();
    await expect(ask(server.url, (redis) => redis.ping())).rejects.toThrow();
    await server.restart();
    expect(await ask(server.url, (redis) => redis.ping())).toBe("PONG");
  });

  test("with appendonly has its data after kill and restart; without, it has none", async () => {
    const [lasting, forgetful] = await Promise.all([privateRedis({ appendonly: true }), privateRedis()]);
    for (const [server, expected] of [
      [lasting, "value"],
      [forgetful, null],
    ] as const) {
      await ask(server.url, (redis) => redis.set("key", "value"));
      await server.restart();
      expect(await ask(server.url, (redis) => redis.get("key"))).toBe(expected);
    }
  });

  test("refuses a wrong password", async () => {
    const server = await privateRedis({ password: "p@ss word" });
    expect(await ask(server.url, (redis) => redis.ping())).toBe("PONG");
    await expect(ask(`redis://:wrong@127.0.0.1:${server.port}`, (redis) => redis.ping())).rejects.toThrow();
  });

  test("knows the users of its ACL", async () => {
    const server = await privateRedis({ users: ["reader on >secret ~* &* +@read +@connection +info"] });
    const url = `redis://reader:secret@127.0.0.1:${server.port}`;
    expect(await ask(url, (redis) => redis.get("key"))).toBeNull();
    await expect(ask(url, (redis) => redis.set("key", "value"))).rejects.toThrow(/NOPERM/);
  });

  test("answers nothing while it is paused", async () => {
    const server = await privateRedis();
    await ask(server.url, async (redis) => {
      server.pause();
      let answered = false;
      const answer = redis.ping().then(() => (answered = true));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(answered).toBe(false);
      server.resume();
      await answer;
    });
  });
});
