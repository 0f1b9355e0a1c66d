/**
 * How many rows of a bulk run may go at once, so that no caller who waits notices more of it than one short run.
 * A run cannot be preempted, hence the bound on a run of its own; a batch of callers is only filled up where that costs
 * them next to nothing (docs/decisions/0013).
 */
import type { LatencyModel } from './latency-model.js';

/** What filling up may add to a run: this, or a tenth of the run if that is more. */
const UNNOTICED_MS = 1;
const UNNOTICED_SHARE = 0.1;
/** What has been learned from small runs says little of runs more than twice as large. */
const GROWTH = 2;

export interface BulkLimits {
  maxBatchSize: number;
  latency: LatencyModel;
  /** What one of the rows costs. */
  nextWeight: number;
  /** What each takes before the run, in the slot of the run: nothing is prepared ahead. */
  prepareMs: number;
}

/** Rows of a bulk run that takes at most `runMs`; one row always may. */
export function rowsOfBulkRun(limits: BulkLimits, runMs: number): number {
  const { maxBatchSize, latency, nextWeight: weight } = limits;
  const line = latency.line();
  if (!line) return 1;
  const each = line.alpha * weight + limits.prepareMs;
  const inTime = each > 0 ? Math.floor((runMs - line.beta) / each) : Infinity;
  return Math.max(1, Math.min(maxBatchSize, seen(latency, weight), inTime));
}

/** Milliseconds that a run of bulk rows takes from handing over on; undefined while unknown. */
export function msOfBulkRun({ latency, nextWeight, prepareMs }: BulkLimits, rows: number): number | undefined {
  const ms = latency.estimate(rows * nextWeight);
  return ms === undefined ? undefined : ms + rows * prepareMs;
}

/**
 * Bulk rows that may join a batch of `rows`: no more than it has itself, for each also costs messages and answers that
 * ℓ does not know of. They cost what a row of the batch does.
 */
export function rowsToFill({ maxBatchSize, latency }: BulkLimits, rows: number, weight: number): number {
  const line = latency.line();
  if (!line) return 0;
  const unnoticed = Math.max(UNNOTICED_MS, UNNOTICED_SHARE * (line.alpha * weight * rows + line.beta));
  const cheap = line.alpha > 0 ? Math.floor(unnoticed / (line.alpha * weight)) : Infinity;
  const room = Math.min(maxBatchSize, seen(latency, weight)) - rows;
  return Math.max(0, Math.min(room, cheap, rows));
}

/** Rows of this weight that are no more than twice the largest run. */
function seen({ largest }: LatencyModel, weight: number): number {
  return Math.floor((GROWTH * largest) / weight);
}
