/**
 * What the figures are held against: a floor that must not be missed, a goal to reach. A ratio is taken in each round
 * between neighbours in time and then the median of those, so that a drifting machine does not decide it.
 */
import type { CellResult } from '../cell.js';
import type { ContenderName } from '../contenders/contender.js';
import type { WorkloadName } from '../workloads.js';
import { groupBy, median } from './medians.js';
import { RoundFigures, type Place } from './round-figures.js';

export interface Target {
  what: string;
  unit: '×' | 'ms' | 'µs';
  /** Whether the figure is to be at least or at most so much. */
  bound: 'least' | 'most';
  floor?: number;
  goal?: number;
  /** Of one round's cells; undefined where one is missing. */
  figure: (round: RoundFigures) => number | undefined;
}

export interface Judged extends Omit<Target, 'figure'> {
  value: number | undefined;
  floorMet: boolean | undefined;
  goalMet: boolean | undefined;
}

const at = (workload: WorkloadName, contender: ContenderName, callers: number): Place => ({
  workload,
  contender,
  callers,
});

export const TARGETS: readonly Target[] = [
  {
    what: 'json, 64 callers: Sluice / one BullMQ job per request, default concurrency',
    unit: '×',
    bound: 'least',
    floor: 2.5,
    goal: 3.5,
    figure: (round) => round.ratio(at('json', 'sluice', 64), at('json', 'bullmq', 64)),
  },
  {
    what: 'json, 64 callers: Sluice / the same, tuned to a worker concurrency of 32',
    unit: '×',
    bound: 'least',
    goal: 2.5,
    figure: (round) => round.ratio(at('json', 'sluice', 64), at('json', 'bullmq-32', 64)),
  },
  {
    what: 'json, 256 callers: Sluice / one BullMQ job per request, default concurrency',
    unit: '×',
    bound: 'least',
    floor: 3,
    goal: 3.5,
    figure: (round) => round.ratio(at('json', 'sluice', 256), at('json', 'bullmq', 256)),
  },
  {
    what: 'json, 256 callers: Sluice / the same, tuned to a worker concurrency of 32',
    unit: '×',
    bound: 'least',
    goal: 3,
    figure: (round) => round.ratio(at('json', 'sluice', 256), at('json', 'bullmq-32', 256)),
  },
  {
    what: 'json, 64 callers: Sluice / Fastify in process',
    unit: '×',
    bound: 'least',
    goal: 1,
    figure: (round) => round.ratio(at('json', 'sluice', 64), at('json', 'fastify', 64)),
  },
  {
    what: 'json, 256 callers: Sluice / Fastify in process',
    unit: '×',
    bound: 'least',
    goal: 1,
    figure: (round) => round.ratio(at('json', 'sluice', 256), at('json', 'fastify', 256)),
  },
  {
    what: 'image, 16 callers: Sluice / Fastify in process',
    unit: '×',
    bound: 'least',
    goal: 1,
    figure: (round) => round.ratio(at('image', 'sluice', 16), at('image', 'fastify', 16)),
  },
  {
    what: 'image, 16 callers: Sluice / bare loop on all cores',
    unit: '×',
    bound: 'least',
    floor: 0.9,
    goal: 0.95,
    figure: (round) => round.ratio(at('image', 'sluice', 16), at('image', 'bare', 0)),
  },
  {
    what: 'json, 1 caller: p50 above one row in the bare engine',
    unit: 'ms',
    bound: 'most',
    floor: 3,
    goal: 2,
    figure: (round) => round.added('json', 'p50Ms'),
  },
  {
    what: 'json, 1 caller: p99 above one row in the bare engine',
    unit: 'ms',
    bound: 'most',
    goal: 10,
    figure: (round) => round.added('json', 'p99Ms'),
  },
  {
    what: 'image, 1 caller: p50 above one row in the bare engine',
    unit: 'ms',
    bound: 'most',
    floor: 3,
    goal: 2,
    figure: (round) => round.added('image', 'p50Ms'),
  },
  {
    what: 'json, 64 callers: CPU per request over all processes of Sluice',
    unit: 'µs',
    bound: 'most',
    goal: 250,
    figure: (round) => round.cpu(at('json', 'sluice', 64)),
  },
];

export function judge(cells: readonly CellResult[]): Judged[] {
  const rounds = groupBy(cells, ({ round }) => String(round)).map(([, found]) => new RoundFigures(found));
  return TARGETS.map(({ figure, ...target }) => {
    const values = rounds.flatMap((round) => figure(round) ?? []);
    const value = values.length === 0 ? undefined : median(values);
    const isMet = (limit: number | undefined): boolean | undefined => {
      if (value === undefined || limit === undefined) return undefined;
      return target.bound === 'least' ? value >= limit : value <= limit;
    };
    return { ...target, value, floorMet: isMet(target.floor), goalMet: isMet(target.goal) };
  });
}
