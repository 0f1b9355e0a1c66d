/**
 * One service under callers, under a bulk run, and under both.
 *
 * Invariants: callers of one seed arrive at the same moments without and with a bulk run; a cell lies between two
 * measurements of what each of them reaches alone, for the speed of a shared machine drifts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkLoad } from '../load/bulk-load.js';
import type { LoadGenerator } from '../load/load-generator.js';
import type { Load, LoadTarget } from '../load/protocol.js';
import { metricsOf, sumOf } from '../processes/metrics.js';

const ANSWERED = 'sluice_worker_predictions_total';
/** Callers who come all at once are not the load that is asked about: connections are opened, packs find their size. */
const WARMUP_MS = 3_000;
/** Until a bulk run is at its speed. */
const SETTLE_MS = 2_000;

/** What each of them reaches alone, a second. */
export interface Alone {
  callers: number;
  rows: number;
}

export interface Cell {
  without: { p50: number; p99: number };
  with: { p50: number; p99: number };
  /** A second, beside each other. */
  predictions: number;
  rows: number;
}

export interface CellsOptions {
  generator: LoadGenerator;
  bulk: BulkLoad;
  target: LoadTarget;
  /** Of what is reached alone. */
  callers: number;
  windowMs: number;
  /** Of the worker: its /metrics. */
  worker: string;
}

export class BenchCells {
  constructor(private readonly options: CellsOptions) {}

  async alone(): Promise<Alone> {
    const callers = await this.drive({ kind: 'callers', callers: this.options.callers });
    const rows = await this.besideRows(async () => {
      const begun = await this.answered();
      await sleep(this.options.windowMs);
      return ((await this.answered()) - begun) / (this.options.windowMs / 1_000);
    });
    return { callers: callers.perSecond, rows };
  }

  /** @param perSecond callers that come */
  async cell(perSecond: number, seed: number): Promise<Cell> {
    const load = { kind: 'rate' as const, perSecond, seed };
    const without = await this.drive(load);
    const beside = await this.besideRows(() => this.drive(load));
    return {
      without: { p50: without.p50, p99: without.p99 },
      with: { p50: beside.p50, p99: beside.p99 },
      predictions: beside.perSecond,
      rows: beside.rows,
    };
  }

  private async besideRows<Seen>(measure: () => Promise<Seen>): Promise<Seen> {
    await this.options.bulk.start();
    await sleep(SETTLE_MS);
    const seen = await measure();
    await this.options.bulk.stop();
    return seen;
  }

  private async drive(load: Load): Promise<{ perSecond: number; p50: number; p99: number; rows: number }> {
    const { generator, target, windowMs } = this.options;
    const settings = { target, load, warmupMs: WARMUP_MS, windowMs };
    const { summary, before, after } = await generator.run(settings, () => this.answered());
    if (summary.failures > 0) throw new Error(`${summary.failures} callers failed: ${summary.reasons[0]}`);
    const all = (await after) - (await before);
    const each = (count: number): number => count / (summary.windowMs / 1_000);
    const { p50Ms: p50, p99Ms: p99 } = summary.latency;
    return { perSecond: each(summary.completed), p50, p99, rows: each(all - summary.completed) };
  }

  /** Callers' and rows, one by one: the bulk run itself tells of rows in pieces of 64. */
  private async answered(): Promise<number> {
    return sumOf(await metricsOf(this.options.worker), ANSWERED, 'outcome="ok"');
  }
}
