/**
 * Callers with a bulk run beside them and without: what it costs them, and what the machine gets done in all.
 *
 *   npm run --silent build && node dist/tools/bench/bulk.js [--model digits|resnet18] [--models DIR] [--rows N]
 *     [--seconds N] [--loads 30,50,70] [--rounds N] [--pin]
 *
 * Each round measures first what closed-loop callers reach alone and what a bulk run reaches alone, for the speed of a
 * shared machine drifts. Callers then arrive at Poisson times at shares of the former; every load is driven without and
 * then with a bulk run, which is begun before the window and is large enough to outlast it, and otherwise begun again. A round's callers arrive at the same moments without and with. Medians of the rounds count. Goals: p99 with at most p99 without plus one bulk run, and together
 * at least 0.9 of a machine's work: callers count as shares of what callers alone reach, rows of what bulk alone reaches,
 * for a row in company costs less than a request. In predictions a second, whatever they cost, it is told too, as a
 * multiple of what callers alone reach. With --pin, executors have processors of their own (SLUICE_PIN_EXECUTORS).
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../../apps/cli/src/serve/free-port.js';
import { startSluice } from './contenders/sluice.js';
import { BulkLoad } from './load/bulk-load.js';
import { LoadGenerator } from './load/load-generator.js';
import type { Load, LoadSummary } from './load/protocol.js';
import { positive } from './options.js';
import { metricsOf, sumOf } from './processes/metrics.js';
import { benchProgram } from './processes/program.js';
import { findRedis } from './processes/redis.js';
import { median } from './report/medians.js';
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
const SETTLE_MS = 2_000;
const ANSWERED = 'sluice_worker_predictions_total';

interface Cell {
  without: { p50: number; p99: number }[];
  with: { p50: number; p99: number; bulk: number; total: number; together: number }[];
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
  // Callers' and rows, one by one: the bulk run itself tells of rows in pieces of 64.
  const answered = async (): Promise<number> =>
    sumOf(await metricsOf(`http://127.0.0.1:${workerPort}`), ANSWERED, 'outcome="ok"');
  const drive = async (load: Load): Promise<LoadSummary & { bulkPerSecond: number }> => {
    const target = { ...workload, port: service.port, path: `/predict/${workload.model}`, marker: '"prediction"' };
    const { summary, before, after } = await generator.run({ target, load, warmupMs: 1_000, windowMs }, answered);
    if (summary.failures > 0) throw new Error(`${summary.failures} callers failed: ${summary.reasons[0]}`);
    const all = (await after) - (await before);
    return { ...summary, bulkPerSecond: (all - summary.completed) / (summary.windowMs / 1_000) };
  };
  const bulkAlone = async (): Promise<number> => {
    await bulk.start();
    await sleep(SETTLE_MS);
    const begun = await answered();
    await sleep(windowMs);
    const rowsPerSecond = ((await answered()) - begun) / (windowMs / 1_000);
    await bulk.stop();
    return rowsPerSecond;
  };
  const perSecond = ({ completed, windowMs: ms }: LoadSummary): number => completed / (ms / 1_000);
  try {
    const cells = new Map<number, Cell>(loads.map((load) => [load, { without: [], with: [] }]));
    for (let round = 1; round <= rounds; round++) {
      const capacity = perSecond(await drive({ kind: 'callers', callers: workload.heatCallers }));
      const alone = await bulkAlone();
      print(`${workload.model}: callers alone ${capacity.toFixed(1)}/s, bulk alone ${alone.toFixed(1)} rows/s`);
      for (const [share, cell] of cells) {
        const load = { kind: 'rate' as const, perSecond: share * capacity, seed: round };
        const { latency } = await drive(load);
        cell.without.push({ p50: latency.p50Ms, p99: latency.p99Ms });
        await bulk.start();
        await sleep(SETTLE_MS);
        const beside = await drive(load);
        await bulk.stop();
        const { p50Ms: p50, p99Ms: p99 } = beside.latency;
        const total = perSecond(beside) / capacity + beside.bulkPerSecond / alone;
        const together = (perSecond(beside) + beside.bulkPerSecond) / capacity;
        cell.with.push({ p50, p99, bulk: beside.bulkPerSecond, total, together });
      }
    }
    report(cells, await bulk.longestRunMs());
  } finally {
    // First, or what an unfinished upload meets in a service that stops would hide why this one failed.
    await bulk.stop();
    await generator.stop();
    await service.stop();
  }
}

/** @param longest milliseconds of a bulk run, at most */
function report(cells: Map<number, Cell>, longest: number): void {
  print(`one bulk run: at most ${longest.toFixed(1)} ms; medians of ${rounds} rounds of ${windowMs / 1_000} s:`);
  for (const [share, cell] of cells) {
    const of = (numbers: number[]): string => median(numbers).toFixed(1);
    const p99 = median(cell.without.map((each) => each.p99));
    const beside = median(cell.with.map((each) => each.p99));
    const total = median(cell.with.map((each) => each.total));
    const together = median(cell.with.map((each) => each.together));
    const said = [
      `${Math.round(share * 100)} %`,
      `p50 ${of(cell.without.map((each) => each.p50))} -> ${of(cell.with.map((each) => each.p50))} ms`,
      `p99 ${p99.toFixed(1)} -> ${beside.toFixed(1)} ms (${beside <= p99 + longest ? 'within' : 'MORE THAN'} one bulk run)`,
      `bulk ${of(cell.with.map((each) => each.bulk))} rows/s`,
      `in all ${total.toFixed(2)} of saturated, ${together.toFixed(2)} times callers alone`,
    ];
    print(`  ${said.join('  ')}`);
  }
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
