/** What batches are handed to, and what an item must say of itself for that. */
import type { Sealed, Waiting } from './batcher.js';

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

/** Slots beside the others, for bulk rows alone: what runs there gets what the processors have left over. */
export interface Background<T extends Waiting> {
  /** Those that are up; there may be none. */
  readonly slots: readonly Slot<T>[];
  /** Whether what runs there takes nothing that callers want, however many of them run. */
  readonly givesWay: boolean;
  /** Whether one of them is about to hold this version, so that its rows do best to wait. */
  isComing(version: string): boolean;
  /** Bulk rows of a version wait. */
  want(version: string): void;
}

export interface Preparable extends Waiting {
  /** True when work (decoding) comes before the run, so that handing over ahead pays. */
  readonly prepares: boolean;
}
