/** Versions that have something to run, in the order of their turns, and what a batch of theirs counts for. */
import type { Batcher, Sealed } from './batcher.js';
import type { FairTurns } from './fair-turns.js';
import type { Preparable } from './slot.js';

/** What a run counts for while nothing is known of it. */
export const UNKNOWN_RUN_MS = 50;

export interface Waiter<T extends Preparable> {
  version: string;
  batcher: Batcher<T>;
  turn: number;
  since: number;
}

/** The one whose turn it is first. */
export function waitersIn<T extends Preparable>(
  batchers: ReadonlyMap<string, Batcher<T>>,
  turns: FairTurns,
): Waiter<T>[] {
  const waiters: Waiter<T>[] = [];
  for (const [version, batcher] of batchers) {
    const since = batcher.depth > 0 ? batcher.oldest() : undefined;
    if (since !== undefined) waiters.push({ version, batcher, since, turn: turns.startOf(version) });
  }
  return waiters.length > 1 ? waiters.sort((a, b) => a.turn - b.turn || a.since - b.since) : waiters;
}

/** Milliseconds that it is expected to take. */
export function runMs<T extends Preparable>({ latency }: Batcher<T>, { items, rows }: Sealed<T>): number {
  return latency.estimate(rows * (items[0]!.weight ?? 1)) ?? UNKNOWN_RUN_MS;
}
