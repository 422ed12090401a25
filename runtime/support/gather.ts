/** Has a connection's socket send in one piece what is written to it in one go. */
import type { Writable } from "node:stream";

/**
 * From now on, what is written to a stream without a pause leaves it together. Drivers write each message or command by
 * itself, and where TCP does not wait for more (`noDelay`) each of these is a system call and a packet: measured on
 * RabbitMQ at 5 µs of the 14 that a message cost its sender.
 */
export function gatherWrites(stream: Writable): void {
  const { write } = stream;
  let gathering = false;
  const send = () => {
    gathering = false;
    stream.uncork();
  };
  const gather = (...args: readonly unknown[]): unknown => {
    if (!gathering) {
      gathering = true;
      stream.cork();
      process.nextTick(send);
    }
    return Reflect.apply(write, stream, args);
  };
  Object.assign(stream, { write: gather });
}
