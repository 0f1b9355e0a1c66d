/** SIGINT, SIGTERM and SIGHUP as one request to stop; a second one forces. */
import { EXIT } from './command.js';
import { tell } from './terminal.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm passes on a Ctrl-C that the terminal has already sent to everyone: one keystroke, two signals. */
const SAME_REQUEST_MS = 500;

export class StopSignals {
  private readonly stop = new AbortController();
  private readonly force = new AbortController();
  private requestedAt = -Infinity;

  readonly requested = this.stop.signal;
  readonly forced = this.force.signal;

  listen(): void {
    for (const name of SIGNALS) process.on(name, this.handle);
  }

  dispose(): void {
    for (const name of SIGNALS) process.off(name, this.handle);
  }

  private readonly handle = (): void => {
    const now = performance.now();
    if (!this.stop.signal.aborted) {
      this.requestedAt = now;
      this.stop.abort();
    } else if (now - this.requestedAt > SAME_REQUEST_MS) {
      this.force.abort();
    }
  };
}

/** Runs what a signal may stop in order; settles with the exit code of that when one did. A second one ends it at once. */
export async function interruptible(run: (signal: AbortSignal) => Promise<number>, told = 'Stopped.'): Promise<number> {
  const signals = new StopSignals();
  signals.listen();
  signals.forced.addEventListener('abort', () => process.exit(EXIT.stopped));
  try {
    return await run(signals.requested);
  } catch (error) {
    if (!signals.requested.aborted) throw error;
    tell(told);
    return EXIT.stopped;
  } finally {
    signals.dispose();
  }
}
