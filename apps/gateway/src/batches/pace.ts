/**
 * Work that nobody waits for, on a thread whose other work somebody waits for: in slices, with a pause behind each while
 * others are being answered. A prediction passes the event loop several times on its way, and meets one slice each time.
 *
 * The pause is what this thread needs to serve all who wait now, so that the share of the slices falls as the load rises:
 * with one length for all loads, rows were held up beside few callers and callers beside many.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 1;
/** About what a prediction costs a gateway, from its first byte to its answer. */
const PAUSE_MS_EACH = 1 / 16;
/** Those few may be waiting for slow runs, whose executors need the processors. */
const LEAST_PAUSE_MS = 2;
const MOST_PAUSE_MS = 10;

export class Pace {
  private since = performance.now();

  /** `waiting`: how many others are being answered. */
  constructor(private readonly waiting: () => number) {}

  /** Between two small steps. */
  async step(): Promise<void> {
    if (performance.now() - this.since < SLICE_MS) return;
    const others = this.waiting();
    if (others > 0) await sleep(Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, PAUSE_MS_EACH * others)));
    else await turn();
    this.since = performance.now();
  }
}
