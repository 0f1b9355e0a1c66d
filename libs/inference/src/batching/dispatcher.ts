/**
 * Who runs next: gives free run slots to the batchers of all versions, so that each version gets its share of the time
 * (fair-turns.ts) and a flood on one delays another by the batch that runs, and no more.
 *
 * A slot is one executor. It runs one batch at a time. Batches of pictures are handed over ahead, so that their pictures
 * are decoded meanwhile; the executor lets those that lie in line share a run (engine/run-line.ts), so that a batch
 * still grows until its run begins. What is due before a batch that lies ahead is handed over too, and overtakes it.
 * Invariants: no more lies ahead than the next run can take; within a version the longest waiting item is first; an item
 * marked `alone` has its slot to itself; `dispatch` runs on an arrival and on a slot becoming free; the one timer there
 * is fires once, for an item that a slow run keeps waiting.
 *
 * Rows of bulk runs get what is left (bulk-dispatcher.ts).
 */
import type { Batcher, Sealed } from './batcher.js';
import { BulkDispatcher } from './bulk-dispatcher.js';
import type { Clock } from './clock.js';
import { ExpectedEnds } from './expected-ends.js';
import { FairTurns } from './fair-turns.js';
import { slotsWorthUsing } from './parallelism.js';
import type { Background, Preparable, Slot } from './slot.js';
import { runMs, waitersIn, type Waiter } from './waiters.js';

/** Batches in line behind the one that runs; each costs a message, so that a flood is handed over in larger ones. */
const AHEAD = 4;
/** How long an item waits for a busy slot to come free, where another one would not pay, before it takes the other. */
const PATIENCE_MS = 5;

export interface DispatcherOptions<T extends Preparable> {
  clock: Clock;
  /** What a bulk run may keep others waiting. */
  bulkRunMs: number;
  background?: Background<T>;
}

export class Dispatcher<T extends Preparable> {
  private readonly batchers = new Map<string, Batcher<T>>();
  private readonly bulk: BulkDispatcher<T>;
  private readonly turns = new FairTurns();
  private readonly ends: ExpectedEnds<Slot<T>>;
  private impatient: NodeJS.Timeout | undefined;

  constructor(
    private readonly slots: readonly Slot<T>[],
    options: DispatcherOptions<T>,
  ) {
    const { background, bulkRunMs, clock } = options;
    const ends = (this.ends = new ExpectedEnds(clock));
    const isAwaited = (slot: Slot<T>): boolean => this.isAwaited(slot);
    const present = (): number => this.turns.present;
    this.bulk = new BulkDispatcher({ slots, background, bulkRunMs, ends, isAwaited, present });
  }

  /** `bulk` holds the version's rows of bulk runs. */
  serve(version: string, batcher: Batcher<T>, bulk?: Batcher<T>): void {
    this.batchers.set(version, batcher);
    if (bulk) this.bulk.serve(version, bulk, batcher.latency);
  }

  /** Nothing of it waits, and nothing will. */
  unserve(version: string): void {
    this.batchers.delete(version);
    this.bulk.unserve(version);
    this.turns.forget(version);
  }

  /** Hands out batches until no free slot or no waiting item is left. */
  dispatch(): void {
    while (this.dispatchOne());
    while (this.bulk.dispatchOne());
    if (this.slots.some((slot) => slot.outstanding > 0)) return;
    this.turns.rest();
    this.bulk.rest();
  }

  private dispatchOne(): boolean {
    for (const { turns } of this.slots) if (turns.length > 0) this.turns.ran(turns[0]!);
    // Once a version waits for busy slots, nothing is put in line before it whose turn comes later, or a flood of
    // pictures would keep them busy for ever.
    let mayGoAhead = true;
    for (const waiter of waitersIn(this.batchers, this.turns)) {
      const held = this.slots.filter((slot) => slot.serves(waiter.version));
      const open = held.filter(
        (slot) =>
          slot.outstanding === 0 || overtakes(slot, waiter) || (mayGoAhead && isOpenAhead(slot, waiter.batcher)),
      );
      if (open.length === 0 && held.length > 0) mayGoAhead = false;
      const batch = open.length > 0 ? this.sealFor(waiter, open) : undefined;
      if (!batch) continue;
      this.bulk.fillUp(waiter.version, batch.sealed);
      const ms = runMs(waiter.batcher, batch.sealed);
      this.turns.take(waiter.version, ms);
      if (batch.slot.outstanding === 0) this.turns.ran(waiter.turn);
      this.ends.handing(batch.slot, ms);
      batch.slot.run(waiter.version, batch.sealed, waiter.turn);
      return true;
    }
    return false;
  }

  /** Whether something that is not bulk waits and could run there. */
  private isAwaited(slot: Slot<T>): boolean {
    for (const [version, batcher] of this.batchers) if (batcher.depth > 0 && slot.serves(version)) return true;
    return false;
  }

  private sealFor({ batcher }: Waiter<T>, open: Slot<T>[]): { slot: Slot<T>; sealed: Sealed<T> } | undefined {
    const least = Math.min(...open.map((slot) => slot.rows));
    const emptiest = open.filter((slot) => slot.rows === least);
    const slot = this.ends.soonest(open);
    // Where it overtakes, its next batch must be at hand too, or the one behind would go first after all.
    const ahead = slot.outstanding > 0 ? Math.max(1, aheadOf(batcher)) : aheadOf(batcher);
    const worth = this.worth(batcher) * (1 + ahead) - batcher.runs;
    if (worth <= 0) {
      this.lookAgain();
      return undefined;
    }
    const sealed = batcher.seal(Math.min(emptiest.length, worth));
    return sealed && { slot, sealed };
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

/** Whether everything that lies behind the batch that runs may wait until this version has had its turn. */
function overtakes<T extends Preparable>(slot: Slot<T>, { batcher, turn }: Waiter<T>): boolean {
  if (slot.outstanding < 2 || batcher.next((item) => item.alone)) return false;
  return slot.turns.every((other, place) => place === 0 || turn < other);
}

/** Batches that may lie in line for what goes next. */
function aheadOf<T extends Preparable>(batcher: Batcher<T>): number {
  return batcher.next((item) => item.prepares && !item.alone) ? AHEAD : 0;
}

/** What runs takes up to a batch's rows, and what lies ahead as many again. */
function isOpenAhead<T extends Preparable>(slot: Slot<T>, batcher: Batcher<T>): boolean {
  return slot.joins && slot.outstanding <= aheadOf(batcher) && slot.rows < 2 * batcher.maxBatchSize;
}
