/** All rows, in the order in which they are measured and shown. */
import type { Row } from "../row.js";
import { redisRows } from "./redis.js";

export const rows: readonly Row[] = [...redisRows];
