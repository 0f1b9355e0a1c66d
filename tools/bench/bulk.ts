/**
 * Callers with a bulk run beside them and without: what it costs them, and what the machine gets done in all.
 *
 *   npm run --silent build && node dist/tools/bench/bulk.js [--model digits|resnet18] [--models DIR] [--rows N]
 *     [--seconds N] [--loads 30,50,70] [--rounds N] [--pin]
 *
 * What closed-loop callers reach alone and what a bulk run reaches alone is measured before and after each cell, for the
 * speed of a shared machine drifts. In a cell, callers arrive at Poisson times at a share of the former, at the same
 * moments without and then with a bulk run, which is begun before the window and is large enough to outlast it, and
 * otherwise begun again. Medians count. A cell in which the host took more than 1 % of the processors (`steal`) is
 * measured again, in at most three times the rounds. Goals: p99 with at most p99 without plus one bulk run, and in all at
 * least 0.9 of the predictions a second that callers alone reach. A row in company costs less than a request, so it is
 * weighed, too: callers as shares of what callers alone reach, rows of what rows alone reach. With --pin, executors have
 * processors of their own (SLUICE_PIN_EXECUTORS).
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../../apps/cli/src/serve/free-port.js';
import { BenchCells, type Alone } from './bulk/bench-cells.js';
import { cellLine, loadLine, type Measured } from './bulk/report.js';
import { startSluice } from './contenders/sluice.js';
import { BulkLoad } from './load/bulk-load.js';
import { LoadGenerator } from './load/load-generator.js';
import { positive } from './options.js';
import { benchProgram } from './processes/program.js';
import { findRedis } from './processes/redis.js';
import { watchStolenTime } from './processes/stolen-time.js';
import { prepareWorkload, type Workload } from './workloads.js';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    model: text,
    models: text,
    rows: text,
    seconds: text,
    loads: text,
    rounds: text,
    pin: { type: 'boolean' },
  },
});
const isImage = values.model === 'resnet18';
const rows = positive('--rows', values.rows ?? (isImage ? '1000' : '10000'));
const windowMs = positive('--seconds', values.seconds ?? '20') * 1_000;
const rounds = positive('--rounds', values.rounds ?? '3');
const loads = (values.loads ?? '30,50,70').split(',').map((share) => positive('--loads', share) / 100);
const MOST_STOLEN = 0.01;
const TRIES = 3;

interface Seen<Value> {
  value: Value;
  /** Share of the processors that the host took meanwhile. */
  stolen: number;
}

const { scratch, children, run } = await benchProgram('bulk');
await run(measure);

async function measure(): Promise<void> {
  const workload = await prepareWorkload(isImage ? 'image' : 'json', {
    scratch,
    models: values.models ?? '.sluice/bench-models',
    image: undefined,
    callers: undefined,
  });
  const workerPort = await freePort();
  const settings = { SLUICE_PIN_EXECUTORS: String(values.pin ?? false), SLUICE_WORKER_PORT: String(workerPort) };
  const redis = await findRedis();
  const service = await startSluice({ children, redis, scratch, modelsDir: workload.modelsDir, settings });
  const generator = await LoadGenerator.start(children);
  const base = `http://127.0.0.1:${service.port}`;
  const bulk = new BulkLoad({ base, model: workload.model, rows, line: await linesOf(workload) });
  const cells = new BenchCells({
    generator,
    bulk,
    target: { ...workload, port: service.port, path: `/predict/${workload.model}`, marker: '"prediction"' },
    callers: workload.heatCallers,
    windowMs,
    worker: `http://127.0.0.1:${workerPort}`,
  });
  try {
    const { good, left } = await allRounds(cells);
    const longest = await bulk.longestRunMs();
    print(`one bulk run: at most ${longest.toFixed(1)} ms; windows of ${windowMs / 1_000} s; ${left} cells left out`);
    for (const [share, found] of good) print(`  ${loadLine(share, found, longest)}`);
  } finally {
    // First, or what an unfinished upload meets in a service that stops would hide why this one failed.
    await bulk.stop();
    await generator.stop();
    await service.stop();
  }
}

async function allRounds(cells: BenchCells): Promise<{ good: Map<number, Measured[]>; left: number }> {
  const good = new Map<number, Measured[]>(loads.map((load) => [load, []]));
  let left = 0;
  // V8 is fast only after some seconds of work.
  await cells.alone();
  for (let round = 1; round <= rounds * TRIES; round++) {
    const wanted = loads.filter((load) => good.get(load)!.length < rounds);
    if (wanted.length === 0) break;
    let before = await watched(() => cells.alone());
    for (const share of wanted) {
      const cell = await watched(() => cells.cell(share * before.value.callers, round));
      const after = await watched(() => cells.alone());
      const measured = { ...cell.value, alone: mean(before.value, after.value) };
      const stolen = Math.max(before.stolen, cell.stolen, after.stolen);
      const isGood = stolen <= MOST_STOLEN;
      if (isGood) good.get(share)!.push(measured);
      else left++;
      print(`${cellLine(share, measured)}${isGood ? '' : `  left out: the host took ${(100 * stolen).toFixed(1)} %`}`);
      before = after;
    }
  }
  return { good, left };
}

async function watched<Value>(measured: () => Promise<Value>): Promise<Seen<Value>> {
  const stolen = await watchStolenTime();
  return { value: await measured(), stolen: await stolen() };
}

function mean(one: Alone, other: Alone): Alone {
  return { callers: (one.callers + other.callers) / 2, rows: (one.rows + other.rows) / 2 };
}

/** Lines of a bulk run: the body that callers send, row by row. */
async function linesOf(workload: Workload): Promise<string> {
  const body = await readFile(workload.bodyFile);
  const line = isImage ? JSON.stringify({ input: body.toString('base64') }) : body.toString('utf8').trim();
  return `${line}\n`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
