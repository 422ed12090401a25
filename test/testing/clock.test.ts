/** The clock that tests move: what is due comes in its order. */
import { expect, test } from "vitest";
import { MovableClock } from "../../runtime/testing/clock.js";

test("timers come in the order of their times, and of one time in the order in which they were set", async () => {
  const clock = new MovableClock(0);
  const called: string[] = [];
  const set = (name: string, milliseconds: number) =>
    clock.after(milliseconds, () => called.push(`${name}@${clock.now()}`));
  set("c", 30);
  set("a", 10);
  set("b1", 20);
  const forget = set("never", 20);
  set("b2", 20);
  set("b3", 20);
  set("late", 41);
  clock.after(10, () => set("made on the way", 5));
  forget();
  forget();
  await clock.pass(40);
  expect(called).toEqual(["a@10", "made on the way@15", "b1@20", "b2@20", "b3@20", "c@30"]);
  expect(clock.now()).toBe(40);
  expect(clock.step()).toBe(true);
  expect(called.at(-1)).toBe("late@41");
  expect(clock.step()).toBe(false);
});
