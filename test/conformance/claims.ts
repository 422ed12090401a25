/** What every broker promises of messages that claim keys, shown on the seam itself. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Broker } from "../../runtime/seams/broker.js";
import type { Claim, Claimed, Claims } from "../../runtime/seams/claims.js";
import { decodeEnvelope } from "../../runtime/wire/envelope.js";
import { TestConsumer } from "../support/consumer.js";
import { message } from "./broker.js";
import type { Backend, BrokerHarness } from "./harness.js";

const QUEUE = "work";
const claim = (key: string, init: Partial<Claim> = {}): Claim => ({ key, ttl: 60_000, from: "nobody", ...init });

export function describeClaims(name: string, harness: BrokerHarness): void {
  describe(`${name}: claims`, () => {
    let backend: Backend;
    let broker: Broker;
    let claims: Claims;

    beforeEach(async () => {
      backend = await harness.open();
      broker = backend.connect();
      claims = claimsOf(broker);
    });
    afterEach(() => backend.close());

    /** A case; one that the broker cannot do is listed with its reason instead of run. */
    function promises(title: string, test: () => Promise<void>): void {
      const reason = harness.cannot[title];
      if (reason === undefined) it(title, test);
      else it(`cannot: ${title} (${reason})`, () => expect(reason).not.toBe(""));
    }

    /** The inputs of all that comes, once as many came as expected and nothing more does. */
    async function received(count: number, queue = QUEUE): Promise<readonly unknown[]> {
      const consumer = new TestConsumer(broker, queue);
      await consumer.take(count);
      await backend.pass(harness.times.soon);
      return consumer.bodies().map((body) => decodeEnvelope(body).input);
    }

    it("sends a message that gets its key, and answers with its id where another wants it", async () => {
      const [first, second] = [message("first"), message("second")];
      expect(await claims.publish(first, [claim("k")])).toEqual({ id: first.id, sent: true });
      expect(await claims.publish(second, [claim("k")])).toEqual({ id: first.id, sent: false });
      const other = message("other");
      expect(await claims.publish(other, [claim("l")])).toEqual({ id: other.id, sent: true });
      expect(await received(2)).toEqual(["first", "other"]);
    });

    it("counts a key in each queue by itself", async () => {
      const [here, there] = [message("here"), message("there", { queue: "other" })];
      await claims.publish(here, [claim("k")]);
      expect(await claims.publish(there, [claim("k")])).toEqual({ id: there.id, sent: true });
      expect(await received(1, "other")).toEqual(["there"]);
    });

    it("sends the same message once, however often it is told to", async () => {
      const publication = message("once");
      await claims.publish(publication, [claim("k")]);
      expect(await claims.publish(publication, [claim("k", { from: "anybody" })])).toEqual({
        id: publication.id,
        sent: false,
      });
      expect(await received(1)).toEqual(["once"]);
    });

    it("sends nothing where one key of several is not to be had, and claims none of them", async () => {
      const first = message("first");
      await claims.publish(first, [claim("k")]);
      expect(await claims.publish(message("second"), [claim("l"), claim("k")])).toEqual({ id: first.id, sent: false });
      const third = message("third");
      expect(await claims.publish(third, [claim("l")])).toEqual({ id: third.id, sent: true });
      expect(await received(2)).toEqual(["first", "third"]);
    });

    it("frees a key when its time is over", async () => {
      const [first, second] = [message("first"), message("second")];
      await claims.publish(first, [claim("k", { ttl: 1000 })]);
      await backend.pass(1100);
      expect(await claims.publish(second, [claim("k")])).toEqual({ id: second.id, sent: true });
    });

    it("frees a key that its message gives up, and no key of another's", async () => {
      const [first, second, third] = [message("first"), message("second"), message("third")];
      await claims.publish(first, [claim("k")]);
      await claims.free(QUEUE, second.id, ["k"]);
      expect(await claims.publish(second, [claim("k")])).toEqual({ id: first.id, sent: false });
      await claims.free(QUEUE, first.id, ["k", "none"]);
      expect(await claims.publish(third, [claim("k")])).toEqual({ id: third.id, sent: true });
    });

    it("takes a key from anybody where it is told to, and knows who was replaced", async () => {
      const [first, second, third] = [message("first"), message("second", { delay: 500 }), message("third")];
      for (const publication of [first, second, third]) {
        expect(await claims.publish(publication, [claim("k", { from: "anybody" })])).toEqual({
          id: publication.id,
          sent: true,
        });
      }
      const replaced = async () => Promise.all([first, second, third].map(({ id }) => claims.replaced(QUEUE, id)));
      expect(await replaced()).toEqual([true, true, false]);
      // A worker may ask again, when the message comes back from one that died.
      expect(await replaced()).toEqual([true, true, false]);
      // What was replaced stays so when the key is free.
      await claims.free(QUEUE, third.id, ["k"]);
      expect(await replaced()).toEqual([true, true, false]);
    });

    promises("takes a key for a higher number only, whatever becomes of the message's other keys", async () => {
      const numbered = (number: number) => claim("number", { from: { below: number } });
      const publish = async (number: number, ...others: Claim[]) =>
        (await claims.publish(message(number), [numbered(number), ...others])).sent;
      expect(await publish(10)).toBe(true);
      expect(await publish(10)).toBe(false);
      expect(await publish(9)).toBe(false);
      expect(await publish(11, claim("other"))).toBe(true);
      expect(await publish(12, claim("other"))).toBe(false);
      expect(await publish(12)).toBe(false);
      expect(await publish(1_767_225_600_000)).toBe(true);
      expect(await received(3)).toEqual([10, 11, 1_767_225_600_000]);
    });

    it("holds a delayed message back, and keeps its priority", async () => {
      await claims.publish(message("low", { priority: 1, delay: 300 }), [claim("a")]);
      await claims.publish(message("high", { priority: 9, delay: 300 }), [claim("b")]);
      const consumer = new TestConsumer(broker, QUEUE, 1);
      await backend.pass(100);
      expect(consumer.deliveries).toEqual([]);
      await backend.pass(200 + harness.times.grain);
      await consumer.done(await consumer.next());
      await consumer.next();
      expect(consumer.deliveries.map(({ priority }) => priority).toSorted((a, b) => a - b)).toEqual([1, 9]);
    });

    it("wakes an idle consumer", async () => {
      const consumer = new TestConsumer(broker, QUEUE);
      await backend.pass(harness.times.soon);
      await claims.publish(message("awake"), [claim("k")]);
      await consumer.next();
    });

    it("lets one of many win that want a key at once", async () => {
      const rivals = [claims, claimsOf(backend.connect()), claimsOf(backend.connect())];
      const won: Claimed[] = await Promise.all(
        Array.from({ length: 90 }, (_, i) => rivals[i % 3]?.publish(message(i), [claim(`k${i % 5}`)]) ?? never()),
      );
      expect(won.filter(({ sent }) => sent)).toHaveLength(5);
      expect(new Set(won.map(({ id }) => id)).size).toBe(5);
      expect(await received(5)).toHaveLength(5);
    });
  });
}

function claimsOf({ claims }: Broker): Claims {
  return claims ?? never();
}

function never(): never {
  throw new Error("it is always there");
}
