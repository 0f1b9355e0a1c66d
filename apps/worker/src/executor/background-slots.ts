/**
 * Executors for bulk rows alone, beside those of the callers: served last by the system, so that a bulk run takes what
 * the processors have left over and gives way in its midst (docs/decisions/0016). Each holds copies of the versions that
 * have bulk rows.
 *
 * Invariants: there are none until bulk rows have waited for a second, and none any more after two minutes without; they
 * take no memory that the machine is short of; where there are none, or they cannot hold a version, its bulk rows run in
 * callers' slots. While they load it, its rows wait: a version is loaded with what is left over too, and rows in slots
 * would leave nothing.
 */
import type { Background } from '#inference';
import type { Part } from '../predictions/part.js';
import type { ExecutorSlot } from './executor-slot.js';

/** What is done sooner needs none. */
const START_MS = 1_000;
/** How long rows wait for a version to be loaded. */
const COMING_MS = 60_000;
/** A version without bulk rows for so long is let go of. */
const IDLE_MS = 60_000;
/** After memory was short, or they refused it. */
const RETRY_MS = 60_000;
/** What an executor takes that holds nothing yet. */
const PROCESS_BYTES = 100_000_000;
/** So many times what it is to take must be free, for its first runs and for what others may come to need. */
const MARGIN = 2;

export interface BackgroundOptions {
  /** Executors, at most. */
  count: number;
  /** Whether their runs take nothing that callers want: asked when they start. */
  givesWay(): boolean;
  slot(): ExecutorSlot;
  /** Bytes of a copy. */
  bytesOf(version: string): number;
  /** Bytes that this process and its children may still take. */
  available(): number;
  short(version: string, facts: { available: number; needed: number }): void;
  /** Their memory is free. */
  released(): void;
  /** Rows that waited for them may go elsewhere. */
  dispatch(): void;
}

/** Bulk rows of a version, in milliseconds of performance.now(). */
interface Demand {
  since: number;
  /** When some waited last. */
  at: number;
  /** Whether they are to run here. */
  isTaken: boolean;
  /** Since when no executor here holds what is taken; Infinity while one does. */
  absentSince: number;
}

export class BackgroundSlots implements Background<Part> {
  readonly slots: ExecutorSlot[] = [];
  givesWay = false;
  private readonly demands = new Map<string, Demand>();
  /** Until when a version is left to callers' executors. */
  private readonly leftUntil = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private overdue: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: BackgroundOptions) {}

  want(version: string): void {
    if (this.options.count === 0 || this.stopped) return;
    const now = performance.now();
    const demand = this.noted(version, now);
    if (demand.isTaken) return this.watch(version, demand);
    if (now - demand.since < START_MS || now < (this.leftUntil.get(version) ?? 0) || !this.hasRoom(version, now))
      return;
    demand.isTaken = true;
    demand.absentSince = now;
    if (this.slots.length === 0) this.start();
    else this.fill();
  }

  isComing(version: string): boolean {
    const demand = this.demands.get(version);
    const leftMs = demand?.isTaken ? demand.absentSince + COMING_MS - performance.now() : 0;
    if (leftMs <= 0) return false;
    // Of several that come, those that are not overdue then set it again.
    this.overdue ??= setTimeout(() => {
      this.overdue = undefined;
      this.options.dispatch();
    }, leftMs);
    return true;
  }

  /** Whether they are to hold it. */
  wants(version: string): boolean {
    return this.demands.get(version)?.isTaken ?? false;
  }

  /** They cannot hold it. */
  refused(version: string): void {
    this.demands.delete(version);
    this.leave(version, performance.now());
    this.fill();
    this.options.dispatch();
  }

  /** How many have memory for it. */
  copies(version: string): number {
    return this.slots.filter((slot) => slot.holds(version)).length;
  }

  /** To be called when what they are to hold has changed. */
  fill(): void {
    for (const slot of this.slots) slot.fill();
  }

  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    await this.end(graceMs);
  }

  private start(): void {
    this.givesWay = this.options.givesWay();
    for (let i = 0; i < this.options.count; i++) this.slots.push(this.options.slot());
    for (const slot of this.slots) slot.start();
    this.lookLater();
  }

  private async end(graceMs: number): Promise<void> {
    clearTimeout(this.timer);
    clearTimeout(this.overdue);
    this.overdue = undefined;
    this.demands.clear();
    await Promise.all(this.slots.splice(0).map((slot) => slot.stop(graceMs)));
    this.options.released();
  }

  private lookLater(): void {
    this.timer = setTimeout(() => this.look(), IDLE_MS);
  }

  private look(): void {
    const now = performance.now();
    this.forget(now);
    const isWanted = [...this.demands.values()].some(({ isTaken }) => isTaken);
    const isIdle = !isWanted && this.slots.every(({ outstanding }) => outstanding === 0);
    if (isIdle) return void this.end(IDLE_MS);
    this.fill();
    this.lookLater();
  }

  private noted(version: string, now: number): Demand {
    const known = this.demands.get(version);
    if (known) return Object.assign(known, { at: now });
    this.forget(now);
    const demand = { since: now, at: now, isTaken: false, absentSince: Infinity };
    this.demands.set(version, demand);
    return demand;
  }

  /** Whether one that had it has lost it. */
  private watch(version: string, demand: Demand): void {
    const isHere = this.slots.some((slot) => slot.serves(version));
    if (isHere) demand.absentSince = Infinity;
    else if (demand.absentSince === Infinity) demand.absentSince = demand.at;
  }

  private forget(now: number): void {
    for (const [version, { at }] of this.demands) if (now - at >= IDLE_MS) this.demands.delete(version);
  }

  /** What is on its way to be taken counts as if it were not there yet. */
  private hasRoom(version: string, now: number): boolean {
    const { options } = this;
    const taken = [...this.demands].flatMap(([key, { isTaken }]) => (isTaken ? [key] : []));
    const coming = [...taken, version];
    const copies = coming.map((key) => (options.count - this.copies(key)) * options.bytesOf(key));
    const areUp = this.slots.some((slot) => slot.isUp);
    const processes = areUp ? 0 : options.count * PROCESS_BYTES;
    const needed = MARGIN * copies.reduce((sum, bytes) => sum + bytes, processes);
    const available = options.available();
    if (available >= needed) return true;
    this.leave(version, now);
    options.short(version, { available, needed });
    return false;
  }

  private leave(version: string, now: number): void {
    for (const [other, until] of this.leftUntil) if (now >= until) this.leftUntil.delete(other);
    this.leftUntil.set(version, now + RETRY_MS);
  }
}
