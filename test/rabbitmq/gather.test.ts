import { setImmediate as turn } from "node:timers/promises";
import { Socket } from "node:net";
import { Writable } from "node:stream";
import { connect } from "amqplib";
import { expect, inject, test } from "vitest";
import { socketOf } from "../../runtime/brokers/rabbitmq/socket.js";
import { gatherWrites } from "../../runtime/support/gather.js";

/** A stream that keeps what it is told to send, each time by itself. */
class Sink extends Writable {
  readonly sent: string[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.sent.push(chunk.toString());
    done();
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.sent.push(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString());
    done();
  }
}

test("what is written without a pause leaves together, and in order", async () => {
  const sink = new Sink();
  gatherWrites(sink);
  for (const letter of "abc") sink.write(letter);
  expect(sink.sent).toEqual([]);
  await turn();
  for (const letter of "de") sink.write(letter);
  await turn();
  expect(sink.sent).toEqual(["abc", "de"]);
});

test("what was written before the end still leaves", async () => {
  const sink = new Sink();
  gatherWrites(sink);
  const written = new Promise((resolve) => sink.write("a", resolve));
  sink.end("b");
  await written;
  expect(sink.sent.join("")).toBe("ab");
});

test("a connection of amqplib's has a socket", async () => {
  const connection = await connect(inject("rabbitmqUrl"));
  expect(socketOf(connection)).toBeInstanceOf(Socket);
  await connection.close();
});
