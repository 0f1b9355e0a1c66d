/**
 * Which cells are run and in which order. Interleaved: a round runs every cell once, and what is compared runs next to
 * each other, in an order that turns from round to round, so that a machine that gets slower is slower for all.
 */
import type { Cell } from './cell.js';
import type { ContenderName } from './contenders/contender.js';
import type { Load } from './load/protocol.js';
import type { Workload } from './workloads.js';

export interface PlanOptions {
  workloads: Workload[];
  contenders: ContenderName[];
  rates: number[];
  rounds: number;
  cpus: number;
}

/** The cells of each round. */
export function planRounds(options: PlanOptions): Cell[][] {
  const groups = options.workloads.flatMap((workload) => groupsOf(workload, options));
  return Array.from({ length: options.rounds }, (_, round) => groups.flatMap((group) => rotated(group, round)));
}

/** Each group is compared within itself. */
function groupsOf(workload: Workload, { contenders, rates, cpus }: PlanOptions): Cell[][] {
  const services = contenders.filter((contender) => contender !== 'bare');
  const under = (load: Load): Cell[] => services.map((contender) => ({ workload, contender, load }));
  const groups = workload.callers.map((callers) => under({ kind: 'callers', callers }));
  if (contenders.includes('bare')) {
    const bare = (batch: number, processes: number): Cell => ({
      workload,
      contender: 'bare',
      load: { kind: 'bare', batch, processes },
    });
    // One row at a time beside the lone caller, the full loop beside the most callers.
    groups.at(0)?.push(bare(1, 1));
    groups.at(-1)?.push(bare(workload.bareBatch, cpus));
  }
  return [...groups, ...rates.map((perSecond) => under({ kind: 'rate', perSecond }))];
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
