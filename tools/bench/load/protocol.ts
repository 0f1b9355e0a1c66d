/** What passes between the benchmark and its load generator. */

export type Load =
  | { kind: 'callers'; callers: number }
  /** With a seed, at the same moments every time. */
  | { kind: 'rate'; perSecond: number; seed?: number };

export interface LoadTarget {
  port: number;
  path: string;
  contentType: string;
  bodyFile: string;
  /** What every good answer's body contains. */
  marker: string;
  /** Of every good answer; 200 when not said. */
  status?: number;
  /** Further header lines. */
  headers?: string[];
}

export interface LoadSettings {
  target: LoadTarget;
  load: Load;
  warmupMs: number;
  windowMs: number;
}

export interface LatencySummary {
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  meanMs: number;
}

export interface LoadSummary {
  /** Good answers that came inside the window. */
  completed: number;
  windowMs: number;
  failures: number;
  /** The first few, in words. */
  reasons: string[];
  latency: LatencySummary;
}

export type ToGenerator = { kind: 'generate'; settings: LoadSettings };

export type FromGenerator =
  | { kind: 'ready' }
  | { kind: 'window-opened' }
  | { kind: 'window-closed' }
  | { kind: 'finished'; summary: LoadSummary };
