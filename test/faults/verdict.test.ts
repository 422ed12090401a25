/** The verdict finds what it is to find: without this, a table of noughts would say nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Journal, Ledger } from "./ledger.js";
import { judge } from "./verdict.js";

function openBooks(): { readonly ledger: Ledger; readonly producer: Journal; readonly worker: Journal } {
  const directory = mkdtempSync(join(tmpdir(), "callboard-ledger-"));
  const ledger = new Ledger(directory);
  onTestFinished(() => {
    ledger.close();
    rmSync(directory, { recursive: true });
  });
  const journal = (name: string) => new Journal(ledger.journal(name));
  return { ledger, producer: journal("producer"), worker: journal("worker") };
}

test("a message that was accepted and is nowhere is lost, wherever it was begun", () => {
  const { ledger, producer, worker } = openBooks();
  for (const id of ["done", "gone", "left", "dead", "begun"]) producer.note("accepted", id);
  worker.note("ended", "done");
  worker.note("began", "begun");
  expect(judge(ledger, ["left"], ["dead"])).toEqual({
    accepted: 5,
    lost: ["gone", "begun"],
    stuck: ["left"],
    duplicated: [],
    deadLettered: ["dead"],
    unanswered: [],
  });
});

test("a message that ended twice is a duplicate, and what stays in the broker is stuck even if it has ended", () => {
  const { ledger, producer, worker } = openBooks();
  producer.note("accepted", "twice");
  worker.note("ended", "twice");
  ledger.read();
  worker.note("ended", "twice");
  expect(judge(ledger, ["twice"], [])).toMatchObject({ lost: [], stuck: ["twice"], duplicated: ["twice"] });
});

test("a sender who waited in vain is counted, unless its message is dead", () => {
  const { ledger, producer, worker } = openBooks();
  for (const id of ["answered", "not-answered", "dead"]) {
    producer.note("accepted", id);
    worker.note("ended", id);
  }
  producer.note("answered", "answered");
  producer.note("unanswered", "not-answered", "waited in vain");
  producer.note("unanswered", "dead");
  expect(judge(ledger, [], ["dead"]).unanswered).toEqual(["not-answered"]);
});

test("what a process noted is read on as it is written", () => {
  const { ledger, producer } = openBooks();
  producer.note("accepted", "first", "job");
  expect(ledger.count("accepted")).toBe(1);
  producer.note("accepted", "second");
  expect(ledger.count("accepted")).toBe(2);
  expect(ledger.of("accepted").get("first")?.[0]).toMatchObject({ by: "producer", detail: "job" });
});

test("the notes of a message are in the order of time, whichever journal is read first", () => {
  const { ledger, producer, worker } = openBooks();
  worker.note("began", "both");
  producer.note("began", "both");
  worker.note("began", "both");
  ledger.read();
  expect(ledger.of("began").get("both")).toMatchObject([{ by: "worker" }, { by: "producer" }, { by: "worker" }]);
  worker.note("ended", "both");
  producer.note("ended", "both");
  ledger.read();
  expect(ledger.of("ended").get("both")).toMatchObject([{ by: "worker" }, { by: "producer" }]);
});
