/**
 * How many run slots a version's work is worth: another one is used only when what waits and runs takes longer than
 * handing it over does. A model of microseconds per row is served best by one slot in large batches, one of
 * milliseconds by all of them (docs/decisions/0008).
 */
import type { LatencyLine } from './latency-model.js';

/** Compute time that pays for the messages, wake-ups and replies of one more batch. */
const WORTH_A_SLOT_MS = 2;

export function slotsWorthUsing(slots: number, rows: number, line: Pick<LatencyLine, 'alpha'> | undefined): number {
  if (!line) return slots;
  return Math.min(slots, Math.max(1, Math.ceil((line.alpha * rows) / WORTH_A_SLOT_MS)));
}
