/** Slots that are kept: told as lost when the store cannot be reached, and renewed by one timer. */
import { expect, it, vi } from "vitest";
import { BrokerUnavailableError } from "../../runtime/vocabulary/errors.js";
import type { LimitScope, LimitStore, Place } from "../../runtime/seams/limits.js";
import { SlotKeeper } from "../../runtime/limiters/slot-keeper.js";
import { MovableClock } from "../../runtime/testing/clock.js";

const LEASE = 3000;
const scope: LimitScope = { name: "test.job", concurrency: { limit: 9, lease: LEASE }, reservation: 1000 };
const place = (token: string): Place => ({ token, concurrencyKey: "" });

/** A keeper with a store that renews as the test says. */
function createKeeper() {
  const clock = new MovableClock();
  const renew = vi.fn<LimitStore["renew"]>(async () => []);
  return { clock, renew, keeper: new SlotKeeper({ renew }, scope, clock) };
}

it.each([
  ["cannot be reached", () => Promise.reject(new BrokerUnavailableError("away"))],
  ["does not answer", () => new Promise<never>(() => {})],
])("tells the holder when its lease ends and the store %s", async (_, away) => {
  const { clock, renew, keeper } = createKeeper();
  const lost = vi.fn();
  keeper.add(place("a"), clock.elapsed(), lost);
  await clock.pass(LEASE);
  renew.mockImplementation(away);
  // The last renewal that worked was asked for just now.
  await clock.pass(LEASE - 1);
  expect(lost).not.toHaveBeenCalled();
  await clock.pass(1);
  expect(lost).toHaveBeenCalledOnce();
  await clock.pass(LEASE);
  expect(lost).toHaveBeenCalledOnce();
});

it("counts a lease from when the store was asked, not from its answer", async () => {
  const { clock, renew, keeper } = createKeeper();
  const lost = vi.fn();
  renew.mockImplementation(() => new Promise(() => {}));
  const asked = clock.elapsed();
  await clock.pass(LEASE / 2);
  keeper.add(place("a"), asked, lost);
  await clock.pass(LEASE / 2);
  expect(lost).toHaveBeenCalledOnce();
});

it("tells nothing of a slot that was given back", async () => {
  const { clock, renew, keeper } = createKeeper();
  const lost = vi.fn();
  renew.mockRejectedValue(new BrokerUnavailableError("away"));
  keeper.add(place("given back"), clock.elapsed(), lost);
  keeper.remove(place("given back"));
  keeper.add(place("stopped"), clock.elapsed(), lost);
  keeper.stop();
  await clock.pass(LEASE * 2);
  expect(lost).not.toHaveBeenCalled();
});

it("renews once per interval, though slots come and go while the store is asked", async () => {
  const { clock, renew, keeper } = createKeeper();
  const answers: (() => void)[] = [];
  renew.mockImplementation(() => new Promise((resolve) => answers.push(() => resolve([]))));
  keeper.add(place("0"), clock.elapsed(), () => {});
  for (let i = 1; i <= 5; i++) {
    await clock.pass(LEASE / 3);
    keeper.remove(place(String(i - 1)));
    keeper.add(place(String(i)), clock.elapsed(), () => {});
    answers.shift()?.();
    await clock.pass(0);
  }
  renew.mockClear();
  await clock.pass(LEASE / 3);
  expect(renew).toHaveBeenCalledOnce();
});

it("does not ask a store anew that has not answered yet, whoever comes and goes", async () => {
  const { clock, renew, keeper } = createKeeper();
  renew.mockImplementation(() => new Promise(() => {}));
  keeper.add(place("a"), clock.elapsed(), () => {});
  await clock.pass(LEASE / 3);
  keeper.remove(place("a"));
  keeper.add(place("b"), clock.elapsed(), () => {});
  await clock.pass(LEASE);
  expect(renew).toHaveBeenCalledOnce();
});
