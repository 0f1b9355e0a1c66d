/**
 * Work that nobody waits for, on a thread whose other work somebody waits for: in slices, with a pause behind each while
 * others are being answered. A prediction passes the event loop several times on its way, and meets one slice each time.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 1;
const PAUSE_MS = 3;

export class Pace {
  private since = performance.now();

  constructor(private readonly othersWait: () => boolean) {}

  /** Between two small steps. */
  async step(): Promise<void> {
    if (performance.now() - this.since < SLICE_MS) return;
    if (this.othersWait()) await sleep(PAUSE_MS);
    else await turn();
    this.since = performance.now();
  }
}
