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

/** So many predictions in hand mean a crowd: what leaves now is soon followed by as much again. */
const CROWD = 16;
/** While one pack runs, another lies at hand for its slot. */
const PACKS_PER_SLOT = 2;

export interface InHand {
  /** Predictions that wait to be sent, and that are out in packs. */
  waiting: number;
  out: number;
}

/**
 * How many packs may be out: two for each slot in use. While a crowd's work is not even worth one slot, a pack that
 * would be less than half of what is out waits to grow: two large packs in turn keep both ends busy, many small ones
 * cost each end its share in messages.
 */
export function packsWorthSending(
  slots: number,
  { waiting, out }: InHand,
  line: Pick<LatencyLine, 'alpha'> | undefined,
): number {
  const rows = waiting + out;
  const worth = slotsWorthUsing(slots, rows, line);
  const tiny = line !== undefined && line.alpha * rows < WORTH_A_SLOT_MS;
  return tiny && rows >= CROWD && waiting < out / 2 ? Math.min(1, worth) : PACKS_PER_SLOT * worth;
}
