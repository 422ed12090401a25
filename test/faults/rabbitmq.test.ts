/** Faults injected on a real RabbitMQ node. */
import { describeScenarios } from "./scenario.js";
import { scenarios } from "./scenarios/index.js";
import { rabbitmqTheatre } from "./rabbitmq-venue.js";

describeScenarios("rabbitmq", rabbitmqTheatre, scenarios);
