/** The cells of all rounds put together: medians, and for memory and failures the worst. */
import type { BareLoad, CellResult, ProcessResult } from '../cell.js';
import type { ContenderName } from '../contenders/contender.js';
import type { Load } from '../load/protocol.js';
import type { WorkloadName } from '../workloads.js';

export interface Row {
  workload: WorkloadName;
  load: Load | BareLoad;
  contender: ContenderName;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  failures: number;
  /** Over all processes but the load generator. */
  cpuMicrosPerRequest: number;
  generatorCpuMicrosPerRequest: number;
  othersCores: number;
  processes: ProcessResult[];
  peakRssMb: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** In the order in which the keys first come. */
export function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): [key: string, items: Item[]][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups];
}

export function labelOf(load: Load | BareLoad): string {
  switch (load.kind) {
    case 'callers':
      return load.callers === 1 ? '1 caller' : `${load.callers} callers`;
    case 'rate':
      return `${load.perSecond}/s open`;
    case 'bare':
      return `batch ${load.batch} × ${load.processes} ${load.processes === 1 ? 'process' : 'processes'}`;
  }
}

export function cpuOf(cell: CellResult): number {
  return cell.processes.reduce((sum, { cpuMicrosPerRequest }) => sum + cpuMicrosPerRequest, 0);
}

export function toRows(cells: readonly CellResult[]): Row[] {
  return groupBy(cells, (cell) => [cell.workload, labelOf(cell.load), cell.contender].join('|')).map(([, found]) =>
    rowOf(found),
  );
}

function rowOf(cells: CellResult[]): Row {
  const of = (pick: (cell: CellResult) => number): number => median(cells.map(pick));
  const { workload, load, contender } = cells[0]!;
  const processes = processesOf(cells);
  return {
    workload,
    load,
    contender,
    perSecond: of((cell) => cell.perSecond),
    p50Ms: of((cell) => cell.latency.p50Ms),
    p99Ms: of((cell) => cell.latency.p99Ms),
    failures: cells.reduce((sum, { failures }) => sum + failures, 0),
    cpuMicrosPerRequest: of(cpuOf),
    generatorCpuMicrosPerRequest: of((cell) => cell.generatorCpuMicrosPerRequest),
    othersCores: of((cell) => cell.othersCores),
    processes,
    peakRssMb: processes.reduce((sum, { peakRssMb }) => sum + peakRssMb, 0),
  };
}

function processesOf(cells: readonly CellResult[]): ProcessResult[] {
  const all = cells.flatMap(({ processes }) => processes);
  return groupBy(all, ({ name }) => name).map(([name, found]) => ({
    name,
    cpuMicrosPerRequest: median(found.map(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest)),
    peakRssMb: Math.max(...found.map(({ peakRssMb }) => peakRssMb)),
  }));
}
