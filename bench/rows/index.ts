/** All rows, in the order in which they are measured and shown. */
import type { Row } from "../row.js";
import { costRows } from "./costs.js";
import { depthRows } from "./depth.js";
import { featureRows } from "./features.js";
import { generatorRows } from "./generator.js";
import { importRows } from "./import.js";
import { processRows } from "./processes.js";
import { rabbitmqRows } from "./rabbitmq.js";
import { redisRows } from "./redis.js";
import { settingRows } from "./settings.js";

export const rows: readonly Row[] = [
  ...redisRows,
  ...featureRows,
  ...settingRows,
  ...depthRows,
  ...processRows,
  ...costRows,
  ...rabbitmqRows,
  ...generatorRows,
  ...importRows,
];
