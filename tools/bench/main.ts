/**
 * Entry of the benchmark: Sluice beside a plain in-process server, beside one BullMQ job per request, and below the bare
 * engine, in one run on one machine. Invariant: however it ends, no process and no file of it is left but the results.
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWorkerConfig } from '#inference';
import { runCell, type Cell, type CellResult } from './cell.js';
import { conditionsOf } from './conditions.js';
import type { BenchContext } from './contenders/contender.js';
import { LoadGenerator } from './load/load-generator.js';
import { parseOptions, USAGE, type BenchOptions } from './options.js';
import { planRounds } from './plan.js';
import { Children } from './processes/children.js';
import { findRedis } from './processes/redis.js';
import { short, toMarkdown } from './report/markdown.js';
import { labelOf, toRows } from './report/medians.js';
import { toSvg } from './report/svg.js';
import { judge } from './report/targets.js';
import { prepareWorkload } from './workloads.js';

/** From here on a cell is marked as disturbed. */
const DISTURBED_CORES = 0.1;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) await bench(options);
  else print(USAGE);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function bench(options: BenchOptions): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const children = new Children(scratch);
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  // What was started ends by the handlers of `exit`.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

  const workloads = [];
  for (const name of options.workloads) workloads.push(await prepareWorkload(name, { ...options, scratch }));
  // As many executors as a worker would start by itself.
  const cpus = loadWorkerConfig({}).executors;
  const redis = await findRedis();
  const context: BenchContext = { children, redis, scratch, cpus };
  const conditions = await conditionsOf({ options, redis, workloads, cpus });
  const generator = await LoadGenerator.start(children);

  const cells: CellResult[] = [];
  for (const [round, planned] of planRounds({ ...options, workloads, cpus }).entries()) {
    print(`Round ${round + 1} of ${options.rounds}`);
    const timing = {
      round,
      heatMs: options.heatSeconds * 1_000,
      warmupMs: options.warmupSeconds * 1_000,
      windowMs: options.seconds * 1_000,
    };
    for (const cell of planned) {
      const result = await runCell(cell, timing, { context, generator });
      print(lineOf(cell, result));
      cells.push(result);
    }
  }
  await generator.stop();

  const rows = toRows(cells);
  const targets = judge(cells);
  const markdown = toMarkdown({ conditions, rows, targets });
  await mkdir(options.out, { recursive: true });
  const json = JSON.stringify({ conditions, targets, rows, cells }, undefined, 1);
  await writeFile(join(options.out, 'results.json'), `${json}\n`);
  await writeFile(join(options.out, 'results.md'), markdown);
  await writeFile(join(options.out, 'results.svg'), toSvg(rows));
  print(`\n${markdown}\nWritten to ${options.out}: results.json, results.md, results.svg`);
}

function lineOf(
  { workload, contender, load }: Cell,
  { perSecond, latency, failures, reasons, othersCores }: CellResult,
): string {
  const what = `  ${workload.name}, ${labelOf(load)}`.padEnd(34) + contender.padEnd(10);
  const figures = `${short(perSecond).padStart(7)}/s  p50 ${short(latency.p50Ms)} ms  p99 ${short(latency.p99Ms)} ms`;
  const busy = othersCores > DISTURBED_CORES ? `  (others: ${othersCores.toFixed(2)} cores)` : '';
  return what + figures + busy + (failures > 0 ? `  ${failures} FAILED: ${reasons[0]?.slice(0, 160)}` : '');
}
