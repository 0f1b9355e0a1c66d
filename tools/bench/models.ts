/**
 * Many models on one worker: what a flood on one costs another, and what it costs to serve five in memory for three.
 *
 *   npm run --silent build && npx swc test/support test/fixtures -d dist --quiet && node dist/tools/bench/models.js [--seconds N]
 *
 * One executor of one thread. Fairness: callers of a quiet model send one request after the other, without and with 64
 * callers of another model beside them; both are products of matrices, a row of which takes about a millisecond. Memory: five
 * models, of which three fit, are asked for in turn and by callers of all five at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { matMulModel } from '../../test/fixtures/matmul-model.js';
import { postJson } from '../../test/support/http.js';
import { ModelsFolder } from '../../test/support/models-folder.js';
import { startRedis } from '../../test/support/redis.js';
import { Stack } from '../../test/support/stack.js';
import { positive } from './options.js';

const WIDTH = 512;
const LAYERS = 6;
const FLOOD = 64;
/** Each model takes 6.5 MB. */
const BUDGET = 22_000_000;
const NAMES = ['a', 'b', 'c', 'd', 'e'];
const BODY = { input: Array<number>(WIDTH).fill(1) };

const { values } = parseArgs({ options: { seconds: { type: 'string' } } });
const windowMs = positive('--seconds', values.seconds ?? '10') * 1_000;

interface Figures {
  count: number;
  failures: number;
  p50: number;
  p99: number;
}

/** Requests of `callers` in a closed loop, each to the next of `names`. */
async function drive(stack: Stack, names: readonly string[], callers: number): Promise<Figures> {
  const took: number[] = [];
  let failures = 0;
  const until = performance.now() + windowMs;
  const caller = async (_: unknown, first: number): Promise<void> => {
    for (let turn = first; performance.now() < until; turn++) {
      const from = performance.now();
      const { status } = await postJson(`${stack.url}/predict/${names[turn % names.length]!}`, BODY);
      took.push(performance.now() - from);
      if (status !== 200) failures++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  took.sort((one, other) => one - other);
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(share * took.length))]!;
  return { count: took.length, failures, p50: at(0.5), p99: at(0.99) };
}

async function withStack(env: Record<string, string>, measure: (stack: Stack) => Promise<void>): Promise<void> {
  const redis = await startRedis({ forceChild: true, appendonly: true });
  const models = new ModelsFolder();
  for (const name of NAMES) models.file(name, '1', { 'model.onnx': matMulModel({ width: WIDTH, layers: LAYERS }) });
  const workerEnv = { SLUICE_EXECUTORS: '1', ...env };
  const stack = await Stack.start({ models: models.path, redisUrl: redis.url, workerEnv, awaits: NAMES });
  try {
    await measure(stack);
  } finally {
    await stack.close();
    models.remove();
    await redis.stop();
  }
}

function print(what: string, { count, failures, p50, p99 }: Figures): void {
  const rate = (count / (windowMs / 1_000)).toFixed(1);
  process.stdout.write(`${what}: ${rate}/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${failures} failed\n`);
}

await withStack({}, async (stack) => {
  await drive(stack, ['a', 'b'], 4);
  print('one caller of b, alone', await drive(stack, ['b'], 1));
  const [flood, quiet] = await Promise.all([drive(stack, ['a'], FLOOD), sleep(500).then(() => drive(stack, ['b'], 1))]);
  print(`one caller of b, beside ${FLOOD} of a`, quiet);
  print(`${FLOOD} callers of a, meanwhile`, flood);
});
await withStack({ SLUICE_MODEL_MEMORY: String(BUDGET) }, async (stack) => {
  print('five models in memory for three, asked for in turn', await drive(stack, NAMES, 1));
  print('five models in memory for three, five callers in turn', await drive(stack, NAMES, 5));
});
await withStack({}, async (stack) => {
  print('five models in memory for five, five callers in turn', await drive(stack, NAMES, 5));
});
process.exit();
