/** Five models in a budget for three. */
import { latencyHistogram, record, summarize } from '../load/recorder.js';
import { sumOf } from '../processes/metrics.js';
import { BODY, makeModels, serve, untilReady, type Serving, type Several } from './made-models.js';

export interface MemoryOptions extends Several {
  /** Of each model. */
  callers: number;
}

const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** 42 MB each. */
const LAYERS = 160;
const HELD = 3;

interface Phase {
  answered: number;
  failed: number;
  /** Of the model that was answered least. */
  least: number;
  p50: number;
  p99: number;
  max: number;
  loads: number;
}

export async function memory(options: MemoryOptions): Promise<void> {
  const { scratch, seconds, callers, print } = options;
  const modelsDir = await makeModels(scratch, Object.fromEntries(NAMES.map((name) => [name, LAYERS])));
  const one = { SLUICE_EXECUTORS: '1' };
  const free = await serve(options, modelsDir, one);
  await untilReady(free.base, NAMES);
  // All that a model takes has shown after its first runs.
  await phase(free, { seconds: 3, asks: turns });
  const bytes = sumOf(await free.metrics(), 'sluice_model_memory_bytes') / NAMES.length;
  const lines: [string, Phase][] = [['all five fit: in turn', await phase(free, { seconds, asks: turns })]];
  await free.stop();
  const budget = Math.round((HELD + 0.5) * bytes);
  print(
    `a model takes ${(bytes / 1e6).toFixed(0)} MB, the budget is ${(budget / 1e6).toFixed(0)} MB; ${seconds} s each`,
  );
  const tight = await serve(options, modelsDir, { ...one, SLUICE_MODEL_MEMORY: String(budget) });
  try {
    await untilReady(tight.base, NAMES);
    lines.push(['three fit: in turn', await phase(tight, { seconds, asks: turns })]);
    const asks = NAMES.flatMap((name) => Array.from({ length: callers }, () => () => name));
    lines.push([`three fit: ${callers} callers each`, await phase(tight, { seconds, asks })]);
  } finally {
    await tight.stop();
  }
  print('                            answered  failed  least of one   p50 ms    p99 ms    max ms   loads/s');
  for (const [what, { answered, failed, least, p50, p99, max, loads }] of lines) {
    const numbers = [
      [answered, 8],
      [failed, 8],
      [least, 14],
      [p50.toFixed(1), 10],
      [p99.toFixed(0), 10],
    ] as const;
    const cells = [...numbers, [max.toFixed(0), 10], [loads.toFixed(2), 10]] as const;
    print(what.padEnd(28) + cells.map(([value, width]) => String(value).padStart(width)).join(''));
  }
  print(
    `goal: everybody is answered: ${lines.every(([, { failed, least }]) => failed === 0 && least > 0) ? 'met' : 'MISSED'}`,
  );
}

/** One caller, who asks all in turn. */
const turns = [(asked: number): string => NAMES[asked % NAMES.length]!];

/** Each of `asks` is a caller: the model of his next request. */
async function phase(
  { base, metrics }: Serving,
  { seconds, asks }: { seconds: number; asks: ((asked: number) => string)[] },
): Promise<Phase> {
  const histogram = latencyHistogram();
  const answered = new Map(NAMES.map((name) => [name, 0]));
  let failed = 0;
  const before = sumOf(await metrics(), 'sluice_model_loads_total');
  const began = performance.now();
  const caller = async (next: (asked: number) => string): Promise<void> => {
    for (let asked = 0; performance.now() - began < seconds * 1_000; asked++) {
      const name = next(asked);
      const sent = performance.now();
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${base}/predict/${name}`, { method: 'POST', headers, body: BODY });
      await response.arrayBuffer();
      record(histogram, performance.now() - sent);
      if (response.status === 200) answered.set(name, answered.get(name)! + 1);
      else failed++;
    }
  };
  await Promise.all(asks.map(caller));
  const elapsed = (performance.now() - began) / 1_000;
  const loads = (sumOf(await metrics(), 'sluice_model_loads_total') - before) / elapsed;
  const { p50Ms: p50, p99Ms: p99, maxMs: max } = summarize(histogram);
  const counts = [...answered.values()];
  const total = counts.reduce((sum, count) => sum + count, 0);
  return { answered: total, failed, least: Math.min(...counts), p50, p99, max, loads };
}
