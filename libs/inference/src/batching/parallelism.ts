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

/** So many of a tiny model's predictions are worth a pack of their own, although another is out. */
const WORTH_A_PACK = 16;
/** While one pack runs, another lies at hand for its slot. */
const PACKS_PER_SLOT = 2;

export interface InHand {
  /** Predictions that wait to be sent, and that are out in packs. */
  waiting: number;
  out: number;
}

/**
 * How many packs may be out: two for each slot in use. While all work in hand is not even worth one slot, it is one: what
 * arrives meanwhile waits to grow, until it is a pack of sixteen and at least half of what is out. Two large packs in turn
 * keep both ends busy; small ones cost each end more in messages than their rows, which is time that others wait for.
 */
export function packsWorthSending(
  slots: number,
  { waiting, out }: InHand,
  line: Pick<LatencyLine, 'alpha'> | undefined,
): number {
  const rows = waiting + out;
  const worth = slotsWorthUsing(slots, rows, line);
  const tiny = line !== undefined && line.alpha * rows < WORTH_A_SLOT_MS;
  const isSmall = waiting < Math.max(WORTH_A_PACK, out / 2);
  return tiny && isSmall ? Math.min(1, worth) : PACKS_PER_SLOT * worth;
}
