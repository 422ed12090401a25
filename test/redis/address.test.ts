/** Every way to say where Redis is: what is made of it, what is refused, and that no password is shown. */
import { InvalidOptionError } from "callboard";
import type { RedisClusterTarget, RedisTarget } from "callboard/redis";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { redisAddress } from "../../runtime/brokers/redis/address.js";
import { nodeName } from "../../runtime/brokers/redis/nodes.js";

describe("the address of a Redis", () => {
  it("is named by its host, its path, its sentinels or its nodes", () => {
    const names: [string | RedisTarget | RedisClusterTarget, string][] = [
      ["redis://user:secret@db.example", "redis db.example:6379/0"],
      ["redis://[::1]:7000/3", "redis ::1:7000/3"],
      [{ host: "db", db: 2, password: "secret" }, "redis db:6379/2"],
      [{ path: "/run/redis.sock" }, "redis /run/redis.sock/0"],
      [{ sentinels: [{ host: "s1" }, { host: "s2" }], name: "shop" }, "redis shop/0 (by sentinel s1:26379 and 1 more)"],
      [{ cluster: ["redis://a:7000", "redis://b:7001", { host: "c" }] }, "redis cluster a:7000 and 2 more"],
      [{ cluster: [{ host: "::1", port: 7000 }] }, "redis cluster [::1]:7000"],
    ];
    for (const [target, name] of names) expect(redisAddress(target).name).toBe(name);
  });

  it("of a cluster gives the login and the TLS of its URLs to every node, and what is written beside them goes first", () => {
    const { options, cluster } = redisAddress({
      cluster: ["rediss://user:secret@a", "rediss://user:secret@b:7001"],
      username: "other",
      tls: { servername: "all" },
    });
    expect(options).toEqual({ username: "other", password: "secret", tls: { servername: "all" } });
    expect(cluster?.seeds.map(nodeName)).toEqual(["a:6379", "b:7001"]);
  });

  it("of a cluster leads to the nodes that were found as well, and to those that were named for ever", () => {
    const { cluster } = redisAddress({ cluster: ["redis://a:1", "redis://b:2"] });
    const seen = (attempt: number) =>
      new Set(Array.from({ length: 6 }, () => cluster && nodeName(cluster.next(attempt))));
    expect(seen(1)).toEqual(new Set(["a:1", "b:2"]));
    cluster?.found({ host: "c", port: 3 });
    // Those that were named may have been taken out of it.
    expect(seen(1)).toEqual(new Set(["c:3"]));
    expect(seen(2)).toEqual(new Set(["a:1", "b:2", "c:3"]));
    cluster?.left({ host: "c", port: 3 });
    cluster?.left({ host: "a", port: 1 });
    expect(seen(1)).toEqual(new Set(["a:1", "b:2"]));
  });

  it("is refused where it cannot be meant, with the password masked", () => {
    const wrong: [unknown, RegExp][] = [
      [{ cluster: [] }, /"cluster" is empty/],
      [{ cluster: ["redis://:secret@a/1"] }, /a cluster has no database but 0/],
      [{ cluster: ["redis://:secret@a", "redis://:secret2@b"] }, /share one login/],
      [{ cluster: ["redis://:secret@a", "rediss://:secret@b"] }, /all of them use TLS or none does/],
      [{ cluster: ["redis://:sec/ret@a"] }, /is no URL|is wrong/],
      [{ cluster: ["redis://a"], db: 1 }, /A cluster takes no db/],
      [{ cluster: ["redis://a"], host: "b", port: 1 }, /A cluster takes no host, port/],
      [{ cluster: ["redis://a"], lazyConnect: true }, /sets lazyConnect of ioredis itself/],
      [{ sentinels: [{ host: "s" }] }, /"name" is missing/],
      [{ sentinels: [], name: "shop" }, /"sentinels" is empty/],
      [{ sentinels: [{ host: "s" }], name: "shop", role: "slave" }, /nothing can be written to a replica/],
      [{ sentinels: [{ host: "s" }], name: "shop", sentinelRetryStrategy: () => 1 }, /sets sentinelRetryStrategy/],
    ];
    for (const [target, words] of wrong) {
      let error: unknown;
      try {
        redisAddress(target as never);
      } catch (thrown) {
        error = thrown;
      }
      expect(error, inspect(target)).toBeInstanceOf(InvalidOptionError);
      expect(String(error)).toMatch(words);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/sec.?ret/);
    }
  });
});
