/**
 * Work that nobody waits for, on a thread whose other work somebody waits for: in slices, with a pause behind each while
 * others are being answered. A prediction passes the event loop several times on its way, and meets one slice each time.
 *
 * The pause grows with the square of how many wait: each of them needs this thread, and the more there are the less is
 * left of the processors for any. With one length for all loads, rows were held up beside few callers and callers beside
 * many; growing with their number alone, it still held up callers at half of what the machine can do. Rows that are far
 * ahead of what runs can wait anyway: those go on slowly between two callers, too, for the next meets what was begun in
 * the gap on every processor that it passes.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 1;
/** A slice counts with its waits for Redis, which grow with the load; more than this was a wait for the sender. */
const MAX_SLICE_MS = 100;
/** For each millisecond of a slice. Those few may be waiting for slow runs, whose executors need the processors. */
const LEAST_PAUSE = 1;
/** So many wait while the machine still keeps up with them and with rows. */
const FEW = 16;
const MOST_PAUSE = 20;
/** Callers who have been there within this are likely to come again before what was begun is done. */
const LATELY_MS = 1_000;

export interface PaceOptions {
  /** How many others are being answered. */
  waiting(): number;
  /** Whether nobody would notice if it took its time. */
  isEarly(): boolean;
}

export class Pace {
  private since = performance.now();
  private lastWaitedFor = -Infinity;

  constructor(private readonly options: PaceOptions) {}

  /** Between two small steps. */
  async step(): Promise<void> {
    const now = performance.now();
    const tookMs = now - this.since;
    if (tookMs < SLICE_MS) return;
    const waiting = this.options.waiting();
    if (waiting > 0) this.lastWaitedFor = now;
    const pause = pauseAfter({ waiting, idleMs: now - this.lastWaitedFor, isEarly: this.options.isEarly() });
    if (pause > 0) await sleep(Math.min(tookMs, MAX_SLICE_MS) * pause);
    else await turn();
    this.since = performance.now();
  }
}

interface Others {
  waiting: number;
  /** Since the last did. */
  idleMs: number;
  isEarly: boolean;
}

/** Milliseconds of pause for each of a slice. */
export function pauseAfter({ waiting, idleMs, isEarly }: Others): number {
  if (isEarly && idleMs < LATELY_MS) return MOST_PAUSE;
  return waiting <= 0 ? 0 : Math.min(MOST_PAUSE, LEAST_PAUSE * Math.max(1, (waiting / FEW) ** 2));
}
