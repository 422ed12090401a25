/** The main figures as a picture: a bar for each task system, readable on light and on dark pages. */
import type { Measured } from "../results.js";
import { show } from "./figures.js";

/** What is drawn: a row's rates, under a title. */
const drawn = [
  { row: "send-200", title: "send, 200 in flight" },
  { row: "process-100", title: "process a no-op, concurrency 100" },
  { row: "call-50", title: "call and answer, 50 in flight" },
  { row: "quorum-process-100", title: "process on RabbitMQ, quorum queue" },
] as const;

/** Plain drivers are floors, not task systems: only the one that people would use on RabbitMQ is drawn. */
const systems = ["Callboard", "BullMQ", "bee-queue", "amqplib", "rabbitmq-client"];

const WIDTH = 720;
const LABELS = 130;
const VALUES = 90;
const BAR = 16;
const STEP = 22;
const TITLE = 30;
const PADDING = 12;

const style = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .value { fill: #59636e; }
  .ours { fill: #0b7a75; }
  .theirs { fill: #b6bec8; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .value { fill: #9198a1; }
    .ours { fill: #2bb3ac; }
    .theirs { fill: #4b535d; }
  }`;

/** An SVG picture; each group of bars has a scale of its own. */
export function chart(measured: readonly Measured[]): string {
  const parts: string[] = [];
  let y = PADDING;
  for (const { row: id, title } of drawn) {
    const bars = ratesOf(measured.find((row) => row.id === id));
    if (bars.length === 0) continue;
    parts.push(`<text class="title" x="${PADDING}" y="${y + 14}">${title}</text>`);
    y += TITLE;
    const most = Math.max(...bars.map(({ rate }) => rate));
    for (const bar of bars) {
      parts.push(drawBar(bar, most, y));
      y += STEP;
    }
    y += PADDING;
  }
  const size = `width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}"`;
  const title = "Messages a second: Callboard beside other task systems";
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${title}">
<title>${title}</title>
<style>${style}
</style>
${parts.join("\n")}
</svg>
`;
}

interface Drawn {
  readonly name: string;
  readonly rate: number;
}

function ratesOf(row: Measured | undefined): readonly Drawn[] {
  return systems.flatMap((name) => {
    const rate = row?.standings.find(({ contender }) => contender === name)?.figures["rate"]?.median;
    return rate === undefined ? [] : [{ name, rate }];
  });
}

function drawBar({ name, rate }: Drawn, most: number, y: number): string {
  const length = Math.max(1, Math.round((rate / most) * (WIDTH - LABELS - VALUES - PADDING)));
  const kind = name === "Callboard" ? "ours" : "theirs";
  const baseline = y + BAR - 4;
  return [
    `<text x="${LABELS - 8}" y="${baseline}" text-anchor="end">${name}</text>`,
    `<rect class="${kind}" x="${LABELS}" y="${y}" width="${length}" height="${BAR}" rx="2"/>`,
    `<text class="value" x="${LABELS + length + 8}" y="${baseline}">${show(rate, "per second")}</text>`,
  ].join("\n");
}
