/** Chance that can be played again. */
import type { Stage } from "./stage.js";

/** The seed of this run: what `FAULTS_SEED` says, or a new one. It is told, so that a run can be repeated. */
export function seed(stage: Stage): number {
  const given = process.env["FAULTS_SEED"];
  const value = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  stage.remark(`FAULTS_SEED=${value}`);
  console.log(`FAULTS_SEED=${value}`);
  return value;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
