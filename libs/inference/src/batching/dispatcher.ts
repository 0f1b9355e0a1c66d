/**
 * Who runs next: gives free run slots to the batchers of all versions, the longest waiting item first.
 *
 * A slot is one executor. It runs one batch at a time; a batch of pictures may be handed to it one run ahead, so that
 * its pictures are decoded while the batch before it runs. Invariant: `dispatch` runs on an arrival and on a slot
 * becoming free; the one timer there is fires once, for an item that a slow run keeps waiting.
 */
import type { Batcher, Sealed, Waiting } from './batcher.js';
import { slotsWorthUsing } from './parallelism.js';

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

/** How long an item waits for a busy slot to come free, where another one would not pay, before it takes the other. */
const PATIENCE_MS = 5;

interface Waiter<T extends Preparable> {
  version: string;
  batcher: Batcher<T>;
  since: number;
}

export class Dispatcher<T extends Preparable> {
  private readonly batchers = new Map<string, Batcher<T>>();
  private impatient: NodeJS.Timeout | undefined;

  constructor(private readonly slots: readonly Slot<T>[]) {}

  serve(version: string, batcher: Batcher<T>): void {
    this.batchers.set(version, batcher);
  }

  /** Hands out batches until no free slot or no waiting item is left. */
  dispatch(): void {
    while (this.dispatchOne());
  }

  private dispatchOne(): boolean {
    for (const waiter of this.waiters()) {
      const batch = this.sealFor(waiter);
      if (!batch) continue;
      batch.slot.run(waiter.version, batch.sealed);
      return true;
    }
    return false;
  }

  /** Versions with something to run, the one that has waited longest first. */
  private waiters(): Waiter<T>[] {
    const waiters: Waiter<T>[] = [];
    for (const [version, batcher] of this.batchers) {
      const since = batcher.oldest();
      if (since !== undefined) waiters.push({ version, batcher, since });
    }
    return waiters.length > 1 ? waiters.sort((a, b) => a.since - b.since) : waiters;
  }

  private sealFor({ version, batcher }: Waiter<T>): { slot: Slot<T>; sealed: Sealed<T> } | undefined {
    const ahead = batcher.next((item) => item.prepares) ? 1 : 0;
    const open = this.slots.filter((slot) => slot.outstanding <= ahead && slot.serves(version));
    if (open.length === 0) return undefined;
    const least = Math.min(...open.map((slot) => slot.outstanding));
    const emptiest = open.filter((slot) => slot.outstanding === least);
    const worth = this.worth(batcher) * (1 + ahead) - batcher.runs;
    if (worth <= 0) {
      this.lookAgain();
      return undefined;
    }
    const sealed = batcher.seal(Math.min(emptiest.length, worth));
    return sealed && { slot: emptiest[0]!, sealed };
  }

  /** Slots that this version's work pays for; all of them once something has waited too long for the ones it has. */
  private worth(batcher: Batcher<T>): number {
    if (batcher.waitedMs() >= PATIENCE_MS) return this.slots.length;
    return slotsWorthUsing(this.slots.length, batcher.depth + batcher.rowsInRun, batcher.latency.line());
  }

  /** Runs end and dispatch by themselves; this is for the one that does not. */
  private lookAgain(): void {
    this.impatient ??= setTimeout(() => {
      this.impatient = undefined;
      this.dispatch();
    }, PATIENCE_MS);
  }
}
