/**
 * Rows of bulk runs, which wait in batchers of their own and get what is left (docs/decisions/0013, 0016): they fill up
 * batches that cost no more for it, and they run in the background where that holds their version, else in a slot that
 * is idle and that nobody waits for, once the background is known not to come to hold it soon.
 *
 * Invariants: where the background does not give way, no bulk run begins while as many runs as there are slots are under
 * way, those in the background counted; bulk rows are never handed ahead, so that what comes later finds one short run
 * in front of it at most, and none in its slot where there is a background.
 */
import type { Batcher, Sealed } from './batcher.js';
import { msOfBulkRun, rowsOfBulkRun, rowsToFill, type BulkLimits } from './bulk-rows.js';
import type { ExpectedEnds } from './expected-ends.js';
import { FairTurns } from './fair-turns.js';
import type { LatencyModel } from './latency-model.js';
import { slotsWorthUsing } from './parallelism.js';
import type { Background, Preparable, Slot } from './slot.js';
import { UNKNOWN_RUN_MS, waitersIn } from './waiters.js';

export interface BulkDispatcherOptions<T extends Preparable> {
  slots: readonly Slot<T>[];
  background: Background<T> | undefined;
  /** What a bulk run may keep others waiting. */
  bulkRunMs: number;
  ends: ExpectedEnds<Slot<T>>;
  /** Whether something that is not bulk waits and could run there. */
  isAwaited(slot: Slot<T>): boolean;
  /** The turn of what callers have running. */
  present(): number;
}

interface Places<T extends Preparable> {
  free: Slot<T>[];
  room: number;
  latency: LatencyModel;
}

export class BulkDispatcher<T extends Preparable> {
  private readonly batchers = new Map<string, Batcher<T>>();
  /** Of runs in slots, by version. A run in the background takes longer while others are busy. */
  private readonly inSlots = new Map<string, LatencyModel>();
  private readonly turns = new FairTurns();

  constructor(private readonly options: BulkDispatcherOptions<T>) {}

  serve(version: string, bulk: Batcher<T>, inSlots: LatencyModel): void {
    this.batchers.set(version, bulk);
    this.inSlots.set(version, inSlots);
  }

  unserve(version: string): void {
    this.batchers.delete(version);
    this.inSlots.delete(version);
    this.turns.forget(version);
  }

  /**
   * Adds rows to a batch of callers. What must be decoded first would hold the others up for that, and what is tried
   * alone stays alone.
   */
  fillUp(version: string, sealed: Sealed<T>): void {
    const bulk = this.batchers.get(version);
    if (!bulk || bulk.depth === 0) return;
    const [first] = sealed.items;
    if (first!.alone || first!.prepares) return;
    const limits = limitsOf(bulk, this.inSlots.get(version)!);
    bulk.fill(sealed, rowsToFill(limits, sealed.rows, first!.weight ?? 1));
  }

  /** False when there is nothing to run, or nowhere. */
  dispatchOne(): boolean {
    const waiters = waitersIn(this.batchers, this.turns);
    for (const { version } of waiters) this.want(version);
    const idle = this.options.slots.filter((slot) => !isBusy(slot) && !this.options.isAwaited(slot));
    for (const waiter of waiters) {
      const { version, batcher } = waiter;
      const { free, room, latency } = this.placesFor(version, idle);
      const limits = limitsOf(batcher, latency);
      const rows = batcher.depth + batcher.rowsInRun;
      const worth = slotsWorthUsing(this.options.slots.length, rows, latency.line()) - batcher.runs;
      const share = Math.min(free.length, room, worth);
      const sealed = share > 0 ? batcher.seal(share, rowsOfBulkRun(limits, this.options.bulkRunMs)) : undefined;
      if (!sealed) continue;
      const [slot] = free as [Slot<T>];
      const ms = msOfBulkRun(limits, sealed.rows) ?? UNKNOWN_RUN_MS;
      this.turns.ran(waiter.turn);
      this.turns.take(version, ms);
      this.options.ends.handing(slot, ms);
      slot.run(version, sealed, this.options.present());
      return true;
    }
    return false;
  }

  /** Nothing runs in a slot. */
  rest(): void {
    if (!this.behind.some(isBusy)) this.turns.rest();
  }

  /** Rows of what no slot holds any more are to wait, not to bring it back. */
  private want(version: string): void {
    const { background, slots } = this.options;
    if (slots.some((slot) => slot.serves(version))) background?.want(version);
  }

  private get behind(): readonly Slot<T>[] {
    return this.options.background?.slots ?? [];
  }

  /** Where a run of this version may be, how many may begin now, and what one is known to take there. */
  private placesFor(version: string, idle: readonly Slot<T>[]): Places<T> {
    const givesWay = this.options.background?.givesWay ?? false;
    const room = givesWay ? idle.length : idle.length - this.behind.filter(isBusy).length;
    const holding = this.behind.filter((slot) => slot.serves(version));
    if (holding.length === 0) {
      const isComing = this.options.background?.isComing(version) ?? false;
      const free = isComing ? [] : idle.filter((slot) => slot.serves(version));
      return { free, room, latency: this.inSlots.get(version)! };
    }
    const free = holding.filter((slot) => !isBusy(slot));
    return { free, room: givesWay ? free.length : room, latency: this.batchers.get(version)!.latency };
  }
}

function isBusy<T extends Preparable>({ outstanding }: Slot<T>): boolean {
  return outstanding > 0;
}

function limitsOf<T extends Preparable>(batcher: Batcher<T>, latency: LatencyModel): BulkLimits {
  const { maxBatchSize, nextWeight, prepareMs } = batcher;
  return { maxBatchSize, nextWeight, prepareMs, latency };
}
