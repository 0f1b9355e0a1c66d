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
 * Rows of bulk runs wait in batchers of their own and get what is left: they fill up batches that cost no more for it,
 * and they run in slots that are idle and that nobody waits for. They are never handed ahead, so that what comes later
 * finds one short bulk run in front of it at most.
 */
import type { Batcher, Sealed, Waiting } from './batcher.js';
import { msOfBulkRun, rowsOfBulkRun, rowsToFill } from './bulk-rows.js';
import type { Clock } from './clock.js';
import { ExpectedEnds } from './expected-ends.js';
import { FairTurns } from './fair-turns.js';
import { slotsWorthUsing } from './parallelism.js';

export interface Slot<T extends Waiting> {
  /** Batches handed over and not yet back, and their rows. */
  readonly outstanding: number;
  readonly rows: number;
  /** Whether all that it holds may have others behind them in line. */
  readonly joins: boolean;
  /** Turns of what it holds, the one that runs first. */
  readonly turns: readonly number[];
  /** Whether it is up and holds this version. */
  serves(version: string): boolean;
  /** What it holds runs by `turn`, the smallest first. */
  run(version: string, batch: Sealed<T>, turn: number): void;
}

export interface Preparable extends Waiting {
  /** True when work (decoding) comes before the run, so that handing over ahead pays. */
  readonly prepares: boolean;
}

/** Batches in line behind the one that runs; each costs a message, so that a flood is handed over in larger ones. */
const AHEAD = 4;
/** How long an item waits for a busy slot to come free, where another one would not pay, before it takes the other. */
const PATIENCE_MS = 5;
/** What a run counts for while nothing is known of it. */
const UNKNOWN_RUN_MS = 50;

export interface DispatcherOptions {
  clock: Clock;
  /** What a bulk run may keep others waiting. */
  bulkRunMs: number;
}

interface Waiter<T extends Preparable> {
  version: string;
  batcher: Batcher<T>;
  turn: number;
  since: number;
}

export class Dispatcher<T extends Preparable> {
  private readonly batchers = new Map<string, Batcher<T>>();
  private readonly bulk = new Map<string, Batcher<T>>();
  private readonly turns = new FairTurns();
  private readonly bulkTurns = new FairTurns();
  private readonly ends: ExpectedEnds<Slot<T>>;
  private impatient: NodeJS.Timeout | undefined;

  constructor(
    private readonly slots: readonly Slot<T>[],
    private readonly options: DispatcherOptions,
  ) {
    this.ends = new ExpectedEnds(options.clock);
  }

  /** `bulk` holds the version's rows of bulk runs. */
  serve(version: string, batcher: Batcher<T>, bulk?: Batcher<T>): void {
    this.batchers.set(version, batcher);
    if (bulk) this.bulk.set(version, bulk);
  }

  /** Nothing of it waits, and nothing will. */
  unserve(version: string): void {
    this.batchers.delete(version);
    this.bulk.delete(version);
    this.turns.forget(version);
    this.bulkTurns.forget(version);
  }

  /** Hands out batches until no free slot or no waiting item is left. */
  dispatch(): void {
    while (this.dispatchOne());
    while (this.dispatchBulk());
    if (this.slots.some((slot) => slot.outstanding > 0)) return;
    this.turns.rest();
    this.bulkTurns.rest();
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
      this.fillUp(waiter.version, batch.sealed);
      take(waiter, batch.sealed, this.turns);
      if (batch.slot.outstanding === 0) this.turns.ran(waiter.turn);
      this.ends.handing(batch.slot, runMs(waiter.batcher, batch.sealed));
      batch.slot.run(waiter.version, batch.sealed, waiter.turn);
      return true;
    }
    return false;
  }

  /** What must be decoded first would hold the others up for that, and what is tried alone stays alone. */
  private fillUp(version: string, sealed: Sealed<T>): void {
    const bulk = this.bulk.get(version);
    if (!bulk || bulk.depth === 0) return;
    const [first] = sealed.items;
    if (!first!.alone && !first!.prepares) bulk.fill(sealed, rowsToFill(bulk, sealed.rows, first!.weight ?? 1));
  }

  private dispatchBulk(): boolean {
    for (const waiter of waitersIn(this.bulk, this.bulkTurns)) {
      const { version, batcher } = waiter;
      const idle = this.slots.filter((slot) => slot.outstanding === 0 && slot.serves(version) && !this.isAwaited(slot));
      const rows = batcher.depth + batcher.rowsInRun;
      const worth = slotsWorthUsing(this.slots.length, rows, batcher.latency.line()) - batcher.runs;
      const free = Math.min(idle.length, worth);
      const sealed = free > 0 ? batcher.seal(free, rowsOfBulkRun(batcher, this.options.bulkRunMs)) : undefined;
      if (!sealed) continue;
      this.bulkTurns.ran(waiter.turn);
      take(waiter, sealed, this.bulkTurns);
      this.ends.handing(idle[0]!, msOfBulkRun(batcher, sealed.rows) ?? UNKNOWN_RUN_MS);
      idle[0]!.run(version, sealed, this.turns.present);
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

/** Versions with something to run, the one whose turn it is first. */
function waitersIn<T extends Preparable>(batchers: ReadonlyMap<string, Batcher<T>>, turns: FairTurns): Waiter<T>[] {
  const waiters: Waiter<T>[] = [];
  for (const [version, batcher] of batchers) {
    const since = batcher.depth > 0 ? batcher.oldest() : undefined;
    if (since !== undefined) waiters.push({ version, batcher, since, turn: turns.startOf(version) });
  }
  return waiters.length > 1 ? waiters.sort((a, b) => a.turn - b.turn || a.since - b.since) : waiters;
}

function take<T extends Preparable>({ version, batcher }: Waiter<T>, sealed: Sealed<T>, turns: FairTurns): void {
  turns.take(version, runMs(batcher, sealed));
}

function runMs<T extends Preparable>({ latency }: Batcher<T>, { items, rows }: Sealed<T>): number {
  return latency.estimate(rows * (items[0]!.weight ?? 1)) ?? UNKNOWN_RUN_MS;
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
