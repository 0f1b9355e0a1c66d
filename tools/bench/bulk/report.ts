/** What callers pay for a bulk run beside them and what is done in all, cell by cell and as medians. */
import { median } from '../report/medians.js';
import type { Alone, Cell } from './bench-cells.js';

export interface Measured extends Cell {
  /** Reached alone around the cell. */
  alone: Alone;
}

/** Predictions a second, whatever they cost, as a multiple of what callers alone reach. */
function inAll({ predictions, rows, alone }: Measured): number {
  return (predictions + rows) / alone.callers;
}

/** Callers as a share of what callers alone reach, and rows of what rows alone reach. */
function weighed({ predictions, rows, alone }: Measured): number {
  return predictions / alone.callers + rows / alone.rows;
}

export function cellLine(share: number, cell: Measured): string {
  const { alone, without, with: beside } = cell;
  return [
    `${percent(share)} of ${alone.callers.toFixed(1)}/s, bulk alone ${alone.rows.toFixed(1)}/s`,
    `p50 ${without.p50.toFixed(1)} -> ${beside.p50.toFixed(1)} ms`,
    `p99 ${without.p99.toFixed(1)} -> ${beside.p99.toFixed(1)} ms`,
    `bulk ${cell.rows.toFixed(1)} rows/s`,
    `in all ${inAll(cell).toFixed(2)}, weighed ${weighed(cell).toFixed(2)}`,
  ].join('  ');
}

/** @param longest milliseconds of one bulk run, at most */
export function loadLine(share: number, cells: readonly Measured[], longest: number): string {
  if (cells.length === 0) return `${percent(share)}  no cell that the host left alone`;
  const of = (pick: (cell: Measured) => number): number => median(cells.map(pick));
  const without = of((cell) => cell.without.p99);
  const beside = of((cell) => cell.with.p99);
  return [
    percent(share),
    `p50 ${of((cell) => cell.without.p50).toFixed(1)} -> ${of((cell) => cell.with.p50).toFixed(1)} ms`,
    `p99 ${without.toFixed(1)} -> ${beside.toFixed(1)} ms (${beside <= without + longest ? 'within' : 'MORE THAN'} one bulk run)`,
    `bulk ${of((cell) => cell.rows).toFixed(1)} rows/s`,
    `in all ${of(inAll).toFixed(2)} of callers alone, weighed ${of(weighed).toFixed(2)}`,
    `(${cells.length} cells)`,
  ].join('  ');
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
