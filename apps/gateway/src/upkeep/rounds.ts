/**
 * Runs one thing again and again by one-shot timers; the run itself says in how many milliseconds it is wanted next.
 *
 * Invariants: never two runs at once; between any two the event loop has turned; a run that fails is told, unless
 * the one before failed in the same words, and tried again after a pause that doubles up to MAX_PAUSE_MS; `stop` resolves when the run in hand is over.
 */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

export interface RoundsOptions {
  /** The pause until the next run, in ms. */
  run(): Promise<number>;
  failed(reason: string): void;
}

export class Rounds {
  private timer: NodeJS.Timeout | undefined;
  private current: Promise<void> | undefined;
  private failures = 0;
  private told = '';
  private started = false;

  constructor(private readonly options: RoundsOptions) {}

  start(): void {
    if (this.started) return;
    this.started = true;
    // One that was stopped in the middle of a run goes on when that run is over.
    if (!this.current) this.after(0);
  }

  async stop(): Promise<void> {
    this.started = false;
    clearTimeout(this.timer);
    await this.current;
  }

  private after(ms: number): void {
    this.timer = setTimeout(() => {
      this.current = this.round().then((next) => {
        this.current = undefined;
        if (this.started) this.after(next);
      });
    }, ms);
  }

  private async round(): Promise<number> {
    try {
      const next = await this.options.run();
      this.failures = 0;
      this.told = '';
      return next;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== this.told) this.options.failed(reason);
      this.told = reason;
      this.failures++;
      return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.failures, 10), MAX_PAUSE_MS);
    }
  }
}
