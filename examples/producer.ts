/** A producer in a process of its own: sends to whichever worker serves the broker that `CALLBOARD_BROKER` names. */
import { RemoteFailureError } from "callboard";
import { createClient } from "../generated/client.js";
import { openBroker } from "./broker.js";

const broker = await openBroker(process.env["CALLBOARD_BROKER"] ?? "redis://localhost:6379");
const client = createClient(broker);
try {
  // Send now, ask for the result whenever it suits.
  const payment = await client.payments.processPayment.send({ userId: "ada", amount: 20 });
  console.log(`sent payment ${payment.id}`);

  // Send and wait, in one.
  const digest = await client.files.digestFile.call({ path: "package.json" }, { timeout: "5s" });
  console.log(`package.json: ${digest.size} bytes, SHA-256 ${digest.sha256}`);
  console.log(`fibonacci(100) = ${await client.math.fibonacci.call(100)}`);

  const { receiptId } = await payment.result({ timeout: "5s" });
  console.log(`paid, receipt ${receiptId}`);

  // Nobody waits for this one, and it goes out a second later.
  await client.mail.sendReceipt.send({ to: "ada@mail.example", receiptId }, { delay: "1s" });
  console.log("the receipt will be mailed");
} catch (error) {
  const why = error instanceof RemoteFailureError ? `${error.remote.name}: ${error.remote.message}` : String(error);
  console.error(`It did not work. ${why}`);
  process.exitCode = 1;
} finally {
  await broker.close();
}
