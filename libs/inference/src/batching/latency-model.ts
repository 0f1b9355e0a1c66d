/**
 * What a run of n rows takes: ℓ(n) = α·n + β, learned from the last 50 runs of a model version. Rows that cost less than
 * the dearest (short texts) count as the part of a row that they cost.
 *
 * Least squares, then once more without the runs that lie further than three scaled median deviations from the first
 * line: one run behind a garbage collection or a cold cache must not bend it. α and β are never negative.
 * Invariant: memory and work are bounded by the window.
 */
const WINDOW = 50;
/** Fewer runs than this say nothing yet. */
export const RUNS_TO_KNOW = 5;
/** The median deviation of a normal distribution times this is its standard deviation. */
const MAD_TO_SIGMA = 1.4826;

export interface LatencyLine {
  /** Milliseconds per row. */
  alpha: number;
  /** Milliseconds per run. */
  beta: number;
}

interface Run {
  rows: number;
  ms: number;
}

export class LatencyModel {
  private readonly runs: Run[] = [];
  private next = 0;
  private fitted: LatencyLine | undefined;

  record(rows: number, ms: number): void {
    this.runs[this.next] = { rows, ms };
    this.next = (this.next + 1) % WINDOW;
    this.fitted = undefined;
  }

  /** Rows of the largest of those runs; 0 before any. */
  get largest(): number {
    return this.runs.reduce((most, run) => Math.max(most, run.rows), 0);
  }

  /** The learned line, or undefined before RUNS_TO_KNOW runs. */
  line(): LatencyLine | undefined {
    if (this.runs.length < RUNS_TO_KNOW) return undefined;
    this.fitted ??= robustFit(this.runs);
    return this.fitted;
  }

  /** Expected milliseconds of a run of `rows`, or undefined while unknown. */
  estimate(rows: number): number | undefined {
    const line = this.line();
    return line && line.alpha * rows + line.beta;
  }
}

function robustFit(runs: readonly Run[]): LatencyLine {
  const first = fit(runs);
  const off = runs.map((run) => Math.abs(run.ms - first.alpha * run.rows - first.beta));
  const limit = 3 * MAD_TO_SIGMA * median(off);
  const near = runs.filter((_, i) => off[i]! <= limit);
  return near.length >= RUNS_TO_KNOW ? fit(near) : first;
}

function fit(runs: readonly Run[]): LatencyLine {
  let rows = 0;
  let ms = 0;
  for (const run of runs) {
    rows += run.rows;
    ms += run.ms;
  }
  rows /= runs.length;
  ms /= runs.length;
  let covariance = 0;
  let variance = 0;
  for (const run of runs) {
    covariance += (run.rows - rows) * (run.ms - ms);
    variance += (run.rows - rows) ** 2;
  }
  // All runs of one size tell no slope: take the time as proportional, which errs on the long side for larger runs.
  if (variance === 0) return { alpha: ms / rows, beta: 0 };
  const alpha = Math.max(0, covariance / variance);
  const beta = ms - alpha * rows;
  return beta >= 0 ? { alpha, beta } : { alpha: ms / rows, beta: 0 };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
