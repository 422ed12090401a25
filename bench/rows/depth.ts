/** Whether the work gets slower where much waits: in the queue itself, or beside it until its time comes. */
import type { Contender, Row } from "../row.js";
import { enough, fill, processRate } from "./rates.js";

const DAY = 24 * 60 * 60_000;

/** What lies there before and after each run. */
interface Depth {
  readonly waiting: number;
  readonly delayed: number;
}

/** Callboard with so many messages more than it works on. */
function deep(name: string, { waiting, delayed }: Depth): Contender {
  return {
    name,
    async open(lane) {
      const session = await lane.open("redis/callboard");
      const { pace } = await lane.systems["redis/callboard"]();
      const most = enough(pace, lane);
      await fill(session, waiting);
      await fill(session, delayed, { delay: DAY });
      return {
        async run() {
          await fill(session, Math.ceil(most * 1.1));
          // Until all that were added are handled, so that the depth stays what it is.
          const { rate } = await processRate(session, lane, { concurrency: 100, most, filled: true, seconds: 60 });
          return { rate };
        },
        close: () => session.close(),
      };
    },
  };
}

export const depthRows: readonly Row[] = [
  {
    id: "depth",
    group: "Redis: what waits",
    title: "Callboard, process, concurrency 100",
    server: "redis",
    measures: { rate: "per second" },
    keeps: true,
    contenders: [
      deep("10,000 waiting", { waiting: 10_000, delayed: 0 }),
      deep("100,000 waiting", { waiting: 100_000, delayed: 0 }),
      deep("1,000,000 waiting", { waiting: 1_000_000, delayed: 0 }),
      deep("10,000 waiting, 1,000,000 delayed", { waiting: 10_000, delayed: 1_000_000 }),
    ],
  },
];
