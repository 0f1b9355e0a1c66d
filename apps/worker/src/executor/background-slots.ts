/**
 * Executors for bulk rows alone, beside those of the callers: served last by the system, so that a bulk run takes what
 * the processors have left over and gives way in its midst (docs/decisions/0016). Each holds copies of the versions that
 * have bulk rows.
 *
 * Invariants: there are none until bulk rows wait, and none any more after two minutes without; they take no memory that
 * the machine is short of; where there are none, or they do not hold a version, its bulk rows run in callers' slots.
 */
import type { Background } from '#inference';
import type { Part } from '../predictions/part.js';
import type { ExecutorSlot } from './executor-slot.js';

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
  slot(): ExecutorSlot;
  /** Bytes of a copy. */
  bytesOf(version: string): number;
  /** Bytes that this process and its children may still take. */
  available(): number;
  short(version: string, facts: { available: number; needed: number }): void;
  /** Their memory is free. */
  released(): void;
}

export class BackgroundSlots implements Background<Part> {
  readonly slots: ExecutorSlot[] = [];
  /** Milliseconds of performance.now() when bulk rows of a version waited last. */
  private readonly wantedAt = new Map<string, number>();
  /** Until when a version is left to callers' executors. */
  private readonly leftUntil = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: BackgroundOptions) {}

  want(version: string): void {
    if (this.options.count === 0 || this.stopped) return;
    const isNew = !this.wantedAt.has(version);
    const now = performance.now();
    if (isNew && (now < (this.leftUntil.get(version) ?? 0) || !this.hasRoom(version, now))) return;
    this.wantedAt.set(version, now);
    if (!isNew) return;
    if (this.slots.length === 0) this.start();
    else this.fill();
  }

  /** Whether bulk rows of a version have waited lately. */
  wants(version: string): boolean {
    return this.wantedAt.has(version);
  }

  /** They cannot hold it. */
  refused(version: string): void {
    this.wantedAt.delete(version);
    this.leave(version, performance.now());
    this.fill();
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
    for (let i = 0; i < this.options.count; i++) this.slots.push(this.options.slot());
    for (const slot of this.slots) slot.start();
    this.lookLater();
  }

  private async end(graceMs: number): Promise<void> {
    clearTimeout(this.timer);
    this.wantedAt.clear();
    await Promise.all(this.slots.splice(0).map((slot) => slot.stop(graceMs)));
    this.options.released();
  }

  private lookLater(): void {
    this.timer = setTimeout(() => this.look(), IDLE_MS);
  }

  private look(): void {
    const now = performance.now();
    for (const [version, at] of this.wantedAt) if (now - at >= IDLE_MS) this.wantedAt.delete(version);
    const isIdle = this.wantedAt.size === 0 && this.slots.every(({ outstanding }) => outstanding === 0);
    if (isIdle) return void this.end(IDLE_MS);
    this.fill();
    this.lookLater();
  }

  /** What is on its way to be taken counts as if it were not there yet. */
  private hasRoom(version: string, now: number): boolean {
    const { options } = this;
    const coming = [...this.wantedAt.keys(), version];
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
