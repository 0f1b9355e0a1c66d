/** How long the runs so far took, by their rows: what a further one will take, and the profile in the end. */
import { LatencyModel } from '../../batching/latency-model.js';
import type { LatencyProfile } from '../../contract/verification.js';

/** Share of the best rate that counts as the best. */
const ENOUGH = 0.95;

export class RunTimes {
  private readonly taken = new Map<number, number[]>();

  record(rows: number, ms: number): void {
    const times = this.taken.get(rows);
    if (times) times.push(ms);
    else this.taken.set(rows, [ms]);
  }

  /** How often runs of so many rows were timed. */
  count(rows: number): number {
    return this.taken.get(rows)?.length ?? 0;
  }

  /** Milliseconds that a run of so many rows is taken to last: along the line through the smallest and the largest. */
  estimate(rows: number): number {
    const points = this.points();
    const [first] = points;
    const last = points.at(-1);
    if (!first || !last) return 0;
    if (first === last) return (first.ms / first.rows) * rows;
    const slope = Math.max(0, (last.ms - first.ms) / (last.rows - first.rows));
    return Math.max(0, last.ms + slope * (rows - last.rows));
  }

  profile(): LatencyProfile {
    const points = this.points();
    const learned = new LatencyModel();
    // The line is learned from few runs: the same number of each size, the middle ones.
    for (const { rows, ms } of points) learned.record(rows, ms);
    const { alpha, beta } = learned.line() ?? through(points);
    const rate = (point: { rows: number; ms: number }): number => point.rows / Math.max(point.ms, Number.EPSILON);
    const best = Math.max(...points.map(rate));
    return {
      alpha: rounded(alpha),
      beta: rounded(beta),
      bestBatch: points.find((point) => rate(point) >= ENOUGH * best)!.rows,
      points: points.map(({ rows, ms }) => ({ rows, ms: rounded(ms) })),
    };
  }

  private points(): LatencyProfile['points'] {
    return [...this.taken].map(([rows, times]) => ({ rows, ms: median(times) })).sort((a, b) => a.rows - b.rows);
  }
}

/** Of too few points for a robust line. */
function through(points: LatencyProfile['points']): { alpha: number; beta: number } {
  const [first] = points as [LatencyProfile['points'][number]];
  const last = points.at(-1)!;
  const alpha =
    last.rows === first.rows ? first.ms / first.rows : Math.max(0, (last.ms - first.ms) / (last.rows - first.rows));
  return { alpha, beta: Math.max(0, first.ms - alpha * first.rows) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
