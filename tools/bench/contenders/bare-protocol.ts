/** What passes between the benchmark and a bare loop. */
import type { LatencySummary } from '../load/protocol.js';

export interface BareSettings {
  packageDir: string;
  contentType: string;
  bodyFile: string;
  batch: number;
  warmupMs: number;
  windowMs: number;
}

export interface BareResult {
  rows: number;
  elapsedMs: number;
  cpuMicros: number;
  /** Of the whole machine, meanwhile. */
  machineCpuMicros: number;
  peakRssMb: number;
  /** Of a whole batch. */
  latency: LatencySummary;
}

export type ToBare = { kind: 'go' };
export type FromBare = { kind: 'ready' } | { kind: 'finished'; result: BareResult };
