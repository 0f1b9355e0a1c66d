/** One cell: one contender under one load, from its fresh start to its end, in one round. */
import { runBare } from './contenders/bare.js';
import { bullmqDefault, bullmqTuned } from './contenders/bullmq.js';
import type { BenchContext, ContenderName, Service, ServiceName } from './contenders/contender.js';
import { fastifyService } from './contenders/fastify.js';
import { sluiceService } from './contenders/sluice.js';
import type { LoadGenerator } from './load/load-generator.js';
import type { LatencySummary, Load } from './load/protocol.js';
import { machineCpuMicros, usageOf, type ProcessUsage } from './processes/process-usage.js';
import type { Workload, WorkloadName } from './workloads.js';

export interface BareLoad {
  kind: 'bare';
  batch: number;
  processes: number;
}

export interface Cell {
  workload: Workload;
  contender: ContenderName;
  load: Load | BareLoad;
}

export interface ProcessResult {
  name: string;
  cpuMicrosPerRequest: number;
  peakRssMb: number;
}

export interface CellResult {
  round: number;
  workload: WorkloadName;
  contender: ContenderName;
  load: Load | BareLoad;
  /** Requests, or rows of a bare loop. */
  perSecond: number;
  failures: number;
  reasons: string[];
  latency: LatencySummary;
  /** Without the load generator. */
  processes: ProcessResult[];
  generatorCpuMicrosPerRequest: number;
  /** Cores that whoever else is on the machine kept busy: much above 0 and the figures say little. */
  othersCores: number;
}

export interface CellTiming {
  round: number;
  heatMs: number;
  warmupMs: number;
  windowMs: number;
}

export const SERVICES: Record<ServiceName, Service> = {
  fastify: fastifyService,
  bullmq: bullmqDefault,
  'bullmq-32': bullmqTuned,
  sluice: sluiceService,
};

/** What the digits and ResNet-18 packages, both classifiers, answer with. */
const MARKER = '"prediction"';

export async function runCell(
  { workload, contender, load }: Cell,
  timing: CellTiming,
  { context, generator }: { context: BenchContext; generator: LoadGenerator },
): Promise<CellResult> {
  const head = { round: timing.round, workload: workload.name, contender, load };
  if (load.kind === 'bare') return { ...head, ...(await bareFigures(workload, { ...load, ...timing }, context)) };
  if (contender === 'bare') throw new Error('The bare loop takes no requests.');
  const service = await SERVICES[contender].start(workload, context);
  try {
    const { port, path } = service;
    const target = { port, path, contentType: workload.contentType, bodyFile: workload.bodyFile, marker: MARKER };
    const heat = { kind: 'callers', callers: workload.heatCallers } as const;
    await generator.run({ target, load: heat, warmupMs: 0, windowMs: timing.heatMs }, () => undefined);
    const look = (): Usage => ({
      service: service.processes().map(usageOf),
      generator: usageOf({ name: 'generator', pid: generator.pid }),
      machineMicros: machineCpuMicros(),
    });
    const { summary, before, after } = await generator.run({ target, load, ...timing }, look);
    const { completed, windowMs, failures, reasons, latency } = summary;
    return {
      ...head,
      perSecond: completed / (windowMs / 1_000),
      failures,
      reasons,
      latency,
      processes: after.service.flatMap((usage) => spent(usage, before.service, completed) ?? []),
      generatorCpuMicrosPerRequest: spent(after.generator, [before.generator], completed)?.cpuMicrosPerRequest ?? 0,
      othersCores: othersCores(
        totalMicros(after) - totalMicros(before),
        after.machineMicros - before.machineMicros,
        windowMs,
      ),
    };
  } finally {
    await service.stop();
  }
}

interface Usage {
  service: (ProcessUsage | undefined)[];
  generator: ProcessUsage | undefined;
  machineMicros: number;
}

function totalMicros({ service, generator }: Usage): number {
  return [...service, generator].reduce((sum, usage) => sum + (usage?.cpuMicros ?? 0), 0);
}

function othersCores(ours: number, machine: number, windowMs: number): number {
  return Math.max(0, machine - ours) / 1_000 / windowMs;
}

function spent(
  after: ProcessUsage | undefined,
  before: readonly (ProcessUsage | undefined)[],
  requests: number,
): ProcessResult | undefined {
  const earlier = before.find((usage) => usage?.name === after?.name);
  if (!after || !earlier) return undefined;
  const { name, peakRssMb } = after;
  return { name, cpuMicrosPerRequest: (after.cpuMicros - earlier.cpuMicros) / Math.max(1, requests), peakRssMb };
}

async function bareFigures(workload: Workload, options: BareLoad & CellTiming, context: BenchContext) {
  const results = await runBare(workload, options, context);
  return {
    perSecond: results.reduce((sum, { rows, elapsedMs }) => sum + rows / (elapsedMs / 1_000), 0),
    failures: 0,
    reasons: [],
    // Of one of them: percentiles of several processes cannot be added.
    latency: results[0]!.latency,
    processes: results.map(({ cpuMicros, rows, peakRssMb }, i) => ({
      name: `loop ${i + 1}`,
      cpuMicrosPerRequest: cpuMicros / Math.max(1, rows) / results.length,
      peakRssMb,
    })),
    generatorCpuMicrosPerRequest: 0,
    othersCores: othersCores(
      results.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0),
      results[0]!.machineCpuMicros,
      results[0]!.elapsedMs,
    ),
  };
}
