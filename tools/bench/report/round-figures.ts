/** One round's cells, asked for the figures that targets are about. Undefined where a cell was not run. */
import type { CellResult } from '../cell.js';
import type { ContenderName } from '../contenders/contender.js';
import type { WorkloadName } from '../workloads.js';
import { cpuOf } from './medians.js';

export interface Place {
  workload: WorkloadName;
  contender: ContenderName;
  callers: number;
}

export class RoundFigures {
  constructor(private readonly cells: readonly CellResult[]) {}

  ratio(a: Place, b: Place): number | undefined {
    const upper = this.at(a);
    const lower = b.contender === 'bare' ? this.bare(b.workload, false) : this.at(b);
    return upper && lower && upper.perSecond / lower.perSecond;
  }

  /** Above one row in the bare engine. */
  added(workload: WorkloadName, percentile: 'p50Ms' | 'p99Ms'): number | undefined {
    const through = this.at({ workload, contender: 'sluice', callers: 1 });
    const bare = this.bare(workload, true);
    return through && bare && through.latency[percentile] - bare.latency[percentile];
  }

  cpu(place: Place): number | undefined {
    const cell = this.at(place);
    return cell && cpuOf(cell);
  }

  private at({ workload, contender, callers }: Place): CellResult | undefined {
    return this.cells.find(
      (cell) =>
        cell.workload === workload &&
        cell.contender === contender &&
        cell.load.kind === 'callers' &&
        cell.load.callers === callers,
    );
  }

  private bare(workload: WorkloadName, isSingle: boolean): CellResult | undefined {
    return this.cells.find(
      ({ workload: name, load }) => name === workload && load.kind === 'bare' && (load.batch === 1) === isSingle,
    );
  }
}
