/** A worker of all actors. `callboard worker examples/worker.ts` runs it; `CALLBOARD_BROKER` names the broker. */
import { createWorker } from "../generated/worker.js";
import { openBroker } from "./broker.js";
import { files } from "./handlers/files.js";
import { mail } from "./handlers/mail.js";
import { math } from "./handlers/math.js";
import { payments } from "./handlers/payments.js";
import { web } from "./handlers/web.js";

const broker = await openBroker(process.env["CALLBOARD_BROKER"] ?? "redis://localhost:6379");

// One of the actors runs in threads, which find its handler there.
const isolate = new URL("./handlers/math.js", import.meta.url);

export default createWorker(broker, { files, mail, math, payments, web }, { concurrency: 20, isolate });
