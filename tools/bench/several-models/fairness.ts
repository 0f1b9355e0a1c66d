/** What a flood on one model costs the callers of another. */
import { LoadGenerator } from '../load/load-generator.js';
import type { LoadSummary } from '../load/protocol.js';
import { median } from '../report/medians.js';
import { sumOf } from '../processes/metrics.js';
import { bodyFile, makeModels, serve, untilReady, type Several } from './made-models.js';

export interface FairnessOptions extends Several {
  rounds: number;
  /** Of the heavy model. */
  callers: number;
  /** Arrivals a second at the light one. */
  rate: number;
}

const LAYERS = { heavy: 800, light: 8 };

export async function fairness(options: FairnessOptions): Promise<void> {
  const { children, scratch, seconds, rounds, callers, rate, print } = options;
  const modelsDir = await makeModels(scratch, LAYERS);
  // A processor is left to everything else, or what is measured is how the machine shares those that it has.
  const service = await serve(options, modelsDir, { SLUICE_EXECUTORS: '1' });
  await untilReady(service.base, Object.keys(LAYERS));
  const [light, heavy] = [await LoadGenerator.start(children), await LoadGenerator.start(children)];
  const body = await bodyFile(scratch);
  const target = (model: string) => ({
    port: service.port,
    path: `/predict/${model}`,
    contentType: 'application/json',
    bodyFile: body,
    marker: '"output"',
  });
  const windowMs = seconds * 1_000;
  const few = async (): Promise<LoadSummary> => {
    const load = { kind: 'rate', perSecond: rate } as const;
    const { summary } = await light.run({ target: target('light'), load, warmupMs: 1_000, windowMs }, () => undefined);
    return answered(summary);
  };
  const flood = async (ms: number): Promise<LoadSummary> => {
    const load = { kind: 'callers', callers } as const;
    const settings = { target: target('heavy'), load, warmupMs: 1_000, windowMs: ms };
    return answered((await heavy.run(settings, () => undefined)).summary);
  };
  try {
    await flood(2_000);
    const quiet: LoadSummary[] = [];
    const beside: LoadSummary[] = [];
    const floods: LoadSummary[] = [];
    const waits: number[] = [];
    for (let round = 0; round < rounds; round++) {
      quiet.push(await few());
      const flooding = flood(windowMs + 2_000);
      const before = await service.metrics();
      beside.push(await few());
      waits.push(meanMs(before, await service.metrics()));
      floods.push(await flooding);
    }
    const metrics = await service.metrics();
    const label = 'model="heavy"';
    const runMs =
      (1_000 * sumOf(metrics, 'sluice_run_seconds_sum', label)) / sumOf(metrics, 'sluice_run_seconds_count', label);
    const of = (all: LoadSummary[], what: 'p50Ms' | 'p99Ms'): number => median(all.map(({ latency }) => latency[what]));
    const [without, with_] = [of(quiet, 'p99Ms'), of(beside, 'p99Ms')];
    print(`heavy: ${callers} callers, p50 ${of(floods, 'p50Ms').toFixed(0)} ms; its runs take ${runMs.toFixed(1)} ms`);
    print(`light: ${rate}/s          p50 ms    p99 ms`);
    print(`  alone              ${of(quiet, 'p50Ms').toFixed(1).padStart(6)}    ${without.toFixed(1).padStart(6)}`);
    print(`  beside the flood   ${of(beside, 'p50Ms').toFixed(1).padStart(6)}    ${with_.toFixed(1).padStart(6)}`);
    print(`  of that in the worker until its batch began: mean ${median(waits).toFixed(1)} ms`);
    print(
      `  goal: p99 at most ${(without + 2 * runMs).toFixed(1)}: ${with_ <= without + 2 * runMs ? 'met' : 'MISSED'}`,
    );
  } finally {
    await Promise.all([light.stop(), heavy.stop()]);
    await service.stop();
  }
}

/** Milliseconds between taken and sealed, of the light model's predictions between two readings. */
function meanMs(before: string, after: string): number {
  const grown = (what: string): number =>
    sumOf(after, `sluice_batch_wait_seconds_${what}`, 'model="light"') -
    sumOf(before, `sluice_batch_wait_seconds_${what}`, 'model="light"');
  return (1_000 * grown('sum')) / grown('count');
}

function answered(summary: LoadSummary): LoadSummary {
  if (summary.failures > 0) throw new Error(`${summary.failures} callers failed: ${summary.reasons[0]}`);
  return summary;
}
