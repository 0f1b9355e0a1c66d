/**
 * Work that nobody waits for, on a thread whose other work somebody waits for: in slices, with a pause behind each while
 * others are being answered. A prediction passes the event loop several times on its way, and meets one slice each time.
 *
 * The pause grows with the square of how many wait: each of them needs this thread, and the more there are the less is
 * left of the processors for any. With one length for all loads, rows were held up beside few callers and callers beside
 * many; growing with their number alone, it still held up callers at half of what the machine can do. Rows that are far
 * ahead of what runs can wait anyway.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 1;
/** For each millisecond of a slice. Those few may be waiting for slow runs, whose executors need the processors. */
const LEAST_PAUSE = 1;
/** So many wait while the machine still keeps up with them and with rows. */
const FEW = 16;
const MOST_PAUSE = 20;

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
  return isEarly ? MOST_PAUSE : Math.min(MOST_PAUSE, LEAST_PAUSE * Math.max(1, (waiting / FEW) ** 2));
}
