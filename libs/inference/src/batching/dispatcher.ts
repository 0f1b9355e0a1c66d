/**
 * Who runs next: gives free run slots to the batchers of all versions, the longest waiting item first.
 *
 * A slot is one executor. It runs one batch at a time; a batch of pictures may be handed to it one run ahead, so that
 * its pictures are decoded while the batch before it runs. Invariant: `dispatch` runs on an arrival and on a slot
 * becoming free, never on a timer.
 */
import type { Batcher, Sealed, Waiting } from './batcher.js';

export interface Slot<T extends Waiting> {
  /** Batches handed over and not yet back. */
  readonly outstanding: number;
  /** Whether it is up and holds this version. */
  serves(version: string): boolean;
  run(version: string, batch: Sealed<T>): void;
}

export interface Preparable extends Waiting {
  /** True when work (decoding) comes before the run, so that handing over one batch ahead pays. */
  readonly prepares: boolean;
}

export class Dispatcher<T extends Preparable> {
  private readonly batchers = new Map<string, Batcher<T>>();

  constructor(private readonly slots: readonly Slot<T>[]) {}

  serve(version: string, batcher: Batcher<T>): void {
    this.batchers.set(version, batcher);
  }

  /** Hands out batches until no free slot or no waiting item is left. */
  dispatch(): void {
    while (this.dispatchOne());
  }

  private dispatchOne(): boolean {
    const byAge = [...this.batchers]
      .map(([version, batcher]) => ({ version, batcher, since: batcher.oldest() }))
      .filter((entry): entry is typeof entry & { since: number } => entry.since !== undefined)
      .sort((a, b) => a.since - b.since);
    for (const { version, batcher } of byAge) {
      const ahead = batcher.next((item) => item.prepares) ? 1 : 0;
      const open = this.slots.filter((slot) => slot.outstanding <= ahead && slot.serves(version));
      if (open.length === 0) continue;
      const least = Math.min(...open.map((slot) => slot.outstanding));
      const emptiest = open.filter((slot) => slot.outstanding === least);
      const batch = batcher.seal(emptiest.length);
      if (!batch) continue;
      emptiest[0]!.run(version, batch);
      return true;
    }
    return false;
  }
}
