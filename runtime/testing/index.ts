/** What tests are written with: a broker in memory whose clock is moved. It needs no test runner of its own. */
export { createTestKit, TestKit } from "./kit.js";
export type { TestKitOptions } from "./kit.js";
export type { Failure } from "./delivery.js";
export type { Faults } from "./faults.js";
export type { Sent } from "./sent.js";
