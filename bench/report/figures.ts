/** Figures as people read them. */
import type { Unit } from "../row.js";

/** A value with its unit: `119,000/s`, `0.33 ms`, `1.2 MB`. */
export function show(value: number, unit: Unit): string {
  switch (unit) {
    case "per second":
      return `${rounded(value)}/s`;
    case "bytes":
      return `${rounded(value)} B`;
    case "percent":
      return `${Math.round(value)} %`;
    case "count":
      return digits(value);
    case "seconds":
      return `${digits(value)} s`;
    case "ms":
    case "µs":
    case "MB":
      return `${digits(value)} ${unit}`;
  }
}

/** Three digits that count, as no more of them mean anything. */
function rounded(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 });
}

function digits(value: number): string {
  if (value >= 100) return rounded(value);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** `3.2 ×`. */
export const times = (ratio: number): string => `${ratio.toFixed(ratio < 10 ? 2 : 1)} ×`;
