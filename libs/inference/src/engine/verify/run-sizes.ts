/**
 * Which sizes of run are tried, one after the other: small ones, then the most that a run may have, if what has run so far
 * says that time and memory do for it; else twice as many rows each time, as long as they do.
 *
 * Invariants: sizes grow; the smallest is always tried; where the most is not, `obstacle` says why, and what ran last is
 * what the model can be served with.
 */
import type { RunTimes } from './run-times.js';

const SIZES = [2, 3, 7];
/** A run that would take longer is not tried. */
const MAX_RUN_MS = 5_000;
/** Share of the memory: what a run takes is guessed, and arenas grow in large steps. */
const ENOUGH = 0.75;

export interface RunSizesOptions {
  /** Rows that a run may have. */
  most: number;
  times: Pick<RunTimes, 'estimate'>;
  memoryBytes: number;
  /** Bytes that this process has taken so far, at its peak. */
  peakBytes: () => number;
}

export class RunSizes {
  /** Undefined unless runs were left out. */
  obstacle: string | undefined;
  private readonly first: number;

  constructor(private readonly options: RunSizesOptions) {
    this.first = options.peakBytes();
  }

  /** @param ran rows of the largest run so far. */
  next(ran: number): number | undefined {
    const { most } = this.options;
    if (ran >= most) return undefined;
    const size = Math.min(SIZES.find((each) => each > ran) ?? most, most);
    if (size <= SIZES[0]!) return size;
    this.obstacle = this.against(size, ran);
    if (this.obstacle === undefined) return size;
    const twice = 2 * ran;
    if (twice >= size || this.against(twice, ran) !== undefined) return undefined;
    this.obstacle = undefined;
    return twice;
  }

  private against(size: number, ran: number): string | undefined {
    const { times, memoryBytes } = this.options;
    const ms = times.estimate(size);
    if (ms > MAX_RUN_MS) return `A run of ${size} rows would take about ${Math.round(ms / 1_000)} s.`;
    const bytes = this.bytesFor(size, ran);
    if (bytes <= memoryBytes * ENOUGH) return undefined;
    return (
      `A run of ${size} rows would take about ${mebibytes(bytes)} MiB of memory, of ${mebibytes(memoryBytes)} MiB that a` +
      ' verification may take (SLUICE_CHECK_MEMORY_BYTES).'
    );
  }

  /** Along the line from one row to the most that ran. */
  private bytesFor(size: number, ran: number): number {
    const peak = this.options.peakBytes();
    return peak + ((peak - this.first) / (ran - 1)) * (size - ran);
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
