/** Dramatiq's cases on a real RabbitMQ. */
import { inject } from "vitest";
import { openBackend } from "../rabbitmq/backend.js";
import { describeCases } from "./cases.js";

describeCases("rabbitmq", {
  open: () => openBackend(inject("rabbitmqUrl")),
  times: { recovery: 1000, deadLetterTtl: 7 * 24 * 60 * 60_000, soon: 200, grain: 100 },
  cannot: {},
});
