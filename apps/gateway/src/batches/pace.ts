/**
 * Work that nobody waits for, on a thread whose other work somebody waits for: in slices, with a pause behind each while
 * others are being answered. A prediction passes the event loop several times on its way, and meets one slice each time.
 *
 * The pause is what this thread needs to serve all who wait now, so that the share of the slices falls as the load rises:
 * with one length for all loads, rows were held up beside few callers and callers beside many. Rows that are far ahead of
 * what runs can wait anyway.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 1;
/** About what a prediction costs a gateway, from its first byte to its answer, for each millisecond of a slice. */
const PAUSE_EACH = 1 / 8;
/** Those few may be waiting for slow runs, whose executors need the processors. */
const LEAST_PAUSE = 2;
const MOST_PAUSE = 10;

export interface PaceOptions {
  /** How many others are being answered. */
  waiting(): number;
  /** Whether nobody would notice if it took its time. */
  isEarly(): boolean;
}

export class Pace {
  private since = performance.now();

  constructor(private readonly options: PaceOptions) {}

  /** Between two small steps. */
  async step(): Promise<void> {
    const tookMs = performance.now() - this.since;
    if (tookMs < SLICE_MS) return;
    const waiting = this.options.waiting();
    if (waiting > 0) await sleep(tookMs * pauseAfter(waiting, this.options.isEarly()));
    else await turn();
    this.since = performance.now();
  }
}

/** Milliseconds of pause for each of a slice. */
export function pauseAfter(waiting: number, isEarly: boolean): number {
  return isEarly ? MOST_PAUSE : Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, PAUSE_EACH * waiting));
}
