/**
 * The queue of one model version, and the rule by which its rows become batches.
 *
 * Invariants: sealing is late (an item may join until a slot takes its batch); a batch holds one signature; the
 * oldest item over all signatures goes first; departed and too late items are dropped before they take a slot;
 * an item marked `alone` shares its batch with nobody; nothing here waits or polls.
 */
import type { ReleaseReason } from '../contract/reply.js';
import type { Clock } from './clock.js';
import { LatencyModel } from './latency-model.js';

export interface Waiting {
  readonly id: string;
  readonly rows: number;
  /** Items of different signatures (dtypes, shapes apart from the batch axis) cannot share a run. */
  readonly signature: string;
  /** What one of its rows costs, of the dearest row of its version: 1 unless it says so. Equal within a signature. */
  readonly weight?: number;
  readonly deadline: number;
  /** When it began to wait, by the batcher's clock; kept on a retry, so that a retry goes first. */
  readonly since: number;
  /** Suspected of breaking runs: it is tried by itself. */
  alone: boolean;
  departed: boolean;
}

export interface Sealed<T extends Waiting> {
  items: T[];
  rows: number;
  /** Rows of the batcher that sealed it; the others are bulk rows that fill it up, behind its own. */
  own: number;
  /** Who sealed it: what becomes of the batch is told to this one. */
  from: Batcher<T>;
  reason: ReleaseReason;
}

export type DropReason = 'deadline' | 'departed';

export interface BatcherOptions<T extends Waiting> {
  maxBatchSize: number;
  /** From the manifest; unset: learned. */
  runTimeoutMs?: number | undefined;
  clock: Clock;
  /** Of the same version's other batcher, so that both learn from all its runs. */
  latency?: LatencyModel;
  dropped(item: T, reason: DropReason): void;
}

/** A first run may compile, fault in memory or sit behind a cold cache. */
const UNKNOWN_RUN_TIMEOUT_MS = 10_000;
const MIN_RUN_TIMEOUT_MS = 2_000;
const RUN_TIMEOUT_FACTOR = 20;
const PREPARE_WEIGHT = 0.1;

export class Batcher<T extends Waiting> {
  readonly latency: LatencyModel;
  private readonly lines = new Map<string, T[]>();
  private readonly byId = new Map<string, Set<T>>();
  private rows = 0;
  private running = 0;
  private runningRows = 0;
  private suspects = 0;
  private draining = false;
  private most: number;
  private preparing: number | undefined;

  constructor(private readonly options: BatcherOptions<T>) {
    this.most = options.maxBatchSize;
    this.latency = options.latency ?? new LatencyModel();
  }

  /** Most rows of one run. What is added as a larger item goes by itself. */
  get maxBatchSize(): number {
    return this.most;
  }

  resize(maxBatchSize: number): void {
    this.most = maxBatchSize;
  }

  /** Rows that wait. */
  get depth(): number {
    return this.rows;
  }

  /** Batches that run. */
  get runs(): number {
    return this.running;
  }

  /** Rows in batches that run. */
  get rowsInRun(): number {
    return this.runningRows;
  }

  /** A batch is handed to a slot; every such call is followed by one of `ended`. */
  began(rows: number): void {
    this.running++;
    this.runningRows += rows;
  }

  ended(rows: number): void {
    this.running--;
    this.runningRows -= rows;
  }

  /** What each of its rows takes before a run, in milliseconds: a mean of which the last batch is a tenth. */
  get prepareMs(): number {
    return this.preparing ?? 0;
  }

  prepared(rows: number, ms: number): void {
    const each = ms / rows;
    this.preparing = this.preparing === undefined ? each : this.preparing + PREPARE_WEIGHT * (each - this.preparing);
  }

  add(item: T): void {
    // A line of its own: nothing else can ever join it.
    const key = item.alone ? `alone ${this.suspects++}` : item.signature;
    const line = this.lines.get(key);
    // A retry is older than what waits: it goes to the front, or the newest would be served first.
    if (!line) this.lines.set(key, [item]);
    else if (line[0]!.since > item.since) line.unshift(item);
    else line.push(item);
    const same = this.byId.get(item.id);
    if (same) same.add(item);
    else this.byId.set(item.id, new Set([item]));
    this.rows += item.rows;
  }

  /** The caller of `id` has gone; its items are dropped when their turn comes. False when none waits. */
  depart(id: string): boolean {
    const items = this.byId.get(id);
    for (const item of items ?? []) item.departed = true;
    return items !== undefined;
  }

  drain(): void {
    this.draining = true;
  }

  /** When the item that goes next began to wait; undefined when nothing waits. */
  oldest(): number | undefined {
    return this.oldestLine()?.[1][0]!.since;
  }

  /** How long the item that goes next has waited; 0 when nothing waits. */
  waitedMs(): number {
    const since = this.oldest();
    return since === undefined ? 0 : this.options.clock.now() - since;
  }

  /** Whether the item that goes next satisfies `test`; false when nothing waits. */
  next(test: (item: T) => boolean): boolean {
    const line = this.oldestLine();
    return line !== undefined && test(line[1][0]!);
  }

  /** What a row of the item that goes next costs. */
  get nextWeight(): number {
    return this.oldestLine()?.[1][0]!.weight ?? 1;
  }

  /**
   * The next batch for one of `freeSlots` slots, or undefined when nothing that can still be answered waits.
   * Takes at most its share, ⌈waiting / free slots⌉ rows, so that two idle slots split what there is; `most` bounds it
   * further. One item goes whatever its rows.
   */
  seal(freeSlots: number, most = this.most): Sealed<T> | undefined {
    for (let line = this.oldestLine(); line; line = this.oldestLine()) {
      const share = Math.min(most, Math.ceil(this.rows / Math.max(1, freeSlots)));
      const { items, rows } = this.draw(line[0], (taken, item) => taken === 0 || taken + item.rows <= share);
      if (items.length > 0) return { items, rows, own: rows, from: this, reason: this.reasonFor(rows) };
    }
    return undefined;
  }

  /** Adds what waits here under the batch's signature to a batch of another, up to `most` rows. */
  fill(sealed: Sealed<T>, most: number): void {
    const { signature } = sealed.items[0]!;
    if (most <= 0 || !this.lines.has(signature)) return;
    const { items, rows } = this.draw(signature, (taken, item) => taken + item.rows <= most);
    sealed.items.push(...items);
    sealed.rows += rows;
  }

  /** Milliseconds after which a run of `rows` counts as hung. */
  runTimeoutMs(rows: number): number {
    if (this.options.runTimeoutMs !== undefined) return this.options.runTimeoutMs;
    const estimate = this.latency.estimate(rows);
    if (estimate === undefined) return UNKNOWN_RUN_TIMEOUT_MS;
    return Math.max(MIN_RUN_TIMEOUT_MS, RUN_TIMEOUT_FACTOR * estimate);
  }

  /** Takes from the front of a line while `fits` says so; those that need not run are dropped on the way. */
  private draw(key: string, fits: (taken: number, item: T) => boolean): { items: T[]; rows: number } {
    const waiting = this.lines.get(key)!;
    const items: T[] = [];
    let rows = 0;
    let drawn = 0;
    for (const item of waiting) {
      if (!fits(rows, item)) break;
      drawn++;
      this.forget(item);
      if (this.keep(item, rows + item.rows)) {
        items.push(item);
        rows += item.rows;
      }
    }
    if (drawn === waiting.length) this.lines.delete(key);
    else waiting.splice(0, drawn);
    return { items, rows };
  }

  private reasonFor(rows: number): ReleaseReason {
    if (rows >= this.most) return 'full';
    return this.draining ? 'drain' : 'greedy';
  }

  private keep(item: T, rowsWithIt: number): boolean {
    if (item.departed) {
      this.options.dropped(item, 'departed');
      return false;
    }
    if (this.options.clock.now() + (this.latency.estimate(rowsWithIt * (item.weight ?? 1)) ?? 0) > item.deadline) {
      this.options.dropped(item, 'deadline');
      return false;
    }
    return true;
  }

  private forget(item: T): void {
    this.rows -= item.rows;
    const same = this.byId.get(item.id);
    same?.delete(item);
    if (same?.size === 0) this.byId.delete(item.id);
  }

  private oldestLine(): [string, T[]] | undefined {
    let oldest: [string, T[]] | undefined;
    for (const entry of this.lines) {
      if (!oldest || entry[1][0]!.since < oldest[1][0]!.since) oldest = entry;
    }
    return oldest;
  }
}
