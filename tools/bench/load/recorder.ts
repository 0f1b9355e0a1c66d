/** Counts answers and their latencies while the window is open. Failures count always: a good cell has none. */
import { build, type Histogram } from 'hdr-histogram-js';
import type { LatencySummary, LoadSummary } from './protocol.js';

const MOST_REASONS = 5;
const MOST_MICROS = 120_000_000;

export function latencyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MOST_MICROS,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });
}

export function record(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.max(1, Math.min(MOST_MICROS, Math.round(ms * 1_000))));
}

export function summarize(histogram: Histogram): LatencySummary {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: histogram.totalCount === 0 ? 0 : histogram.maxValue / 1_000,
    meanMs: histogram.totalCount === 0 ? 0 : histogram.mean / 1_000,
  };
}

export class Recorder {
  private readonly histogram = latencyHistogram();
  private readonly reasons = new Set<string>();
  private failures = 0;
  private opened = 0;
  private closed = 0;

  open(): void {
    this.opened = performance.now();
  }

  close(): void {
    this.closed = performance.now();
  }

  good(latencyMs: number): void {
    if (this.opened > 0 && this.closed === 0) record(this.histogram, latencyMs);
  }

  bad(reason: string): void {
    this.failures++;
    if (this.reasons.size < MOST_REASONS) this.reasons.add(reason);
  }

  summary(): LoadSummary {
    return {
      completed: this.histogram.totalCount,
      windowMs: this.closed - this.opened,
      failures: this.failures,
      reasons: [...this.reasons],
      latency: summarize(this.histogram),
    };
  }
}
