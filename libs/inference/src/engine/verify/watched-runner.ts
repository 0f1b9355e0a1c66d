/**
 * The run thread as a verification sees it: runs that never end, and memory that runs out, become findings.
 *
 * Invariant: a run that has used more time of the processor than it may cannot be broken off, and is told of before the
 * process ends. Time on the clock does not count, for what serves on the same machine goes first.
 */
import type { Tensor } from '../../tensor/frame.js';
import type { Runner } from '../model.js';
import type { OpenSession, RunOutcome } from '../run/run-client.js';

/** As long as a worker waits for a run of which it knows nothing (docs/models.md). */
const RUN_MS = 10_000;
const LOOK_MS = 100;
const NO_MEMORY = /bad_alloc|failed to allocate|out of memory|bfcarena/i;
const MICROSECONDS = 1_000;

export interface Limits {
  memoryBytes: number;
  /** Processor milliseconds of one run; RUN_MS unless the package says otherwise. */
  runMs?: number;
  /** A limit was passed: tells of it and ends the process. */
  exceeded(message: string): void;
}

export class WatchedRunner implements Runner {
  private expectedMs = 0;

  constructor(
    private readonly runner: Runner,
    private readonly limits: Limits,
  ) {}

  /** Milliseconds that the next runs are taken to last; they may last twenty times as long. */
  expect(ms: number): void {
    this.expectedMs = ms;
  }

  /** The model's own word on how long a run may take. */
  allow(runMs: number | undefined): void {
    if (runMs !== undefined) this.limits.runMs = runMs;
  }

  open(path: string): Promise<OpenSession> {
    return this.told(this.runner.open(path));
  }

  async run(session: number, feeds: Tensor[]): Promise<RunOutcome> {
    const limit = Math.max(this.limits.runMs ?? RUN_MS, 20 * this.expectedMs);
    const start = process.cpuUsage();
    const look = (): void => {
      const { user, system } = process.cpuUsage(start);
      const left = limit - (user + system) / MICROSECONDS;
      if (left > 0) timer = setTimeout(look, Math.max(LOOK_MS, left));
      else this.limits.exceeded(tooLong(limit));
    };
    let timer = setTimeout(look, limit);
    try {
      return await this.told(this.runner.run(session, feeds));
    } finally {
      clearTimeout(timer);
    }
  }

  release(session: number): Promise<void> {
    return this.runner.release(session);
  }

  private async told<Result>(asked: Promise<Result>): Promise<Result> {
    try {
      return await asked;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!NO_MEMORY.test(message)) throw error;
      const mebibytes = Math.round(this.limits.memoryBytes / 2 ** 20);
      throw new Error(
        `The model needs more memory than the ${mebibytes} MiB that a verification may take (SLUICE_CHECK_MEMORY_BYTES): ${message}`,
      );
    }
  }
}

function tooLong(limit: number): string {
  return (
    `A run had not ended after ${limit / 1_000} s of computing. Look for an endless loop in the model; if it is only slow,` +
    ' set runTimeoutMs in model.json.'
  );
}
