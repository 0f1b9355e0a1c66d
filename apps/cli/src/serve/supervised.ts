/**
 * Keeps one service running: starts it again when it ends unasked, later each time, and gives up after the fifth time
 * within a minute. Invariant: once its signal is aborted nothing is started any more, and `stop` then settles only when
 * the run under way (or just being started) is gone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describeExit, type Exit, type Running, type Service } from './service.js';

export interface SupervisedOptions {
  service: Service;
  report: (line: string) => void;
  /** The service ends faster than it is worth starting; the caller stops everything. */
  onGivenUp: (message: string) => void;
  /** The end of all starting. */
  signal: AbortSignal;
  firstBackoffMs?: number | undefined;
}

const MOST_RESTARTS = 5;
const WINDOW_MS = 60_000;
const FIRST_BACKOFF_MS = 250;

export class Supervised {
  private readonly restarts: number[] = [];
  private current: Promise<Running> | undefined;
  private running: Running | undefined;

  constructor(private readonly options: SupervisedOptions) {}

  /** Rejects where the first start fails; later failures are its own to deal with. */
  async start(): Promise<void> {
    void this.watch(await this.run());
  }

  /** To be called when the signal is aborted. */
  async stop(): Promise<void> {
    const running = await this.current?.catch(() => undefined);
    await running?.stop();
  }

  kill(): void {
    this.running?.kill();
  }

  private async run(): Promise<Running> {
    this.current = this.options.service.start(this.options.signal);
    this.running = await this.current;
    return this.running;
  }

  private async watch(first: Running): Promise<void> {
    let exit = await first.exited;
    while (await this.mayStartAgain(exit)) {
      exit = await this.run().then(
        (running) => running.exited,
        (error: unknown) => failedStart(error),
      );
    }
  }

  private async mayStartAgain(exit: Exit): Promise<boolean> {
    const { service, report, onGivenUp, signal, firstBackoffMs = FIRST_BACKOFF_MS } = this.options;
    if (signal.aborted) return false;
    const now = performance.now();
    while (this.restarts[0] !== undefined && now - this.restarts[0] > WINDOW_MS) this.restarts.shift();
    const ended = `The ${service.name} ended unexpectedly (${describeExit(exit)})`;
    if (this.restarts.length >= MOST_RESTARTS) {
      onGivenUp(`${ended}, having been started again ${MOST_RESTARTS} times within a minute. Stopping.`);
      return false;
    }
    const backoff = firstBackoffMs * 2 ** this.restarts.length;
    this.restarts.push(now);
    report(`${ended}; starting it again in ${backoff} ms (${this.restarts.length} of ${MOST_RESTARTS} in a minute).`);
    await delay(backoff, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }
}

function failedStart(error: unknown): Exit {
  return { code: null, signal: null, reason: error instanceof Error ? error.message : String(error) };
}
