/**
 * Runs models in turn in onnxruntime-node with the settings of the service (libs/inference/src/engine/session.ts), and
 * says how long a run takes; started by timing.py with the path of a plan, answers in JSON on standard output.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};
const OPTIONS = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
};
const MIN_ROUNDS = 5;
const MAX_ROUNDS = 1001;
/** Part of the time, before it counts: V8 compiles what runs often. */
const WARM = 0.2;

const plan = JSON.parse(await readFile(process.argv[2], 'utf8'));
const require = createRequire(join(plan.root, 'package.json'));
const ort = require('onnxruntime-node');

const sessions = [];
for (const path of plan.models) sessions.push(await ort.InferenceSession.create(path, OPTIONS));
const batches = [];
for (const batch of plan.batches) batches.push(await time(await feedsOf(batch.inputs), batch));
const { version } = require('onnxruntime-node/package.json');
process.stdout.write(JSON.stringify({ version, node: process.versions.node, batches }));

async function time(feeds, { rows, answers }) {
  const outputs = await sessions.at(-1).run(feeds);
  await runInTurn(feeds, plan.seconds * WARM);
  const spent = await runInTurn(feeds, plan.seconds);
  for (const [name, file] of Object.entries(answers)) {
    const { data } = outputs[name];
    await writeFile(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return { rows, rounds: spent[0].length, medianMs: spent.map(median) };
}

/**
 * Milliseconds of each run of each model. In every round each runs once, so that a machine that gets slower is slower
 * for all, and every second round the other way round, as a run may heat or cool the next one's caches.
 */
async function runInTurn(feeds, seconds) {
  const spent = sessions.map(() => []);
  const end = performance.now() + seconds * 1_000;
  for (let round = 0; round < MAX_ROUNDS && (round < MIN_ROUNDS || performance.now() < end); round++) {
    const order = round % 2 === 0 ? [...sessions.keys()] : [...sessions.keys()].reverse();
    for (const model of order) {
      const start = performance.now();
      await sessions[model].run(feeds);
      spent[model].push(performance.now() - start);
    }
  }
  return spent;
}

async function feedsOf(inputs) {
  const feeds = {};
  for (const { name, dtype, shape, file } of inputs) {
    const { buffer } = new Uint8Array(await readFile(file));
    feeds[name] = new ort.Tensor(dtype, new ARRAYS[dtype](buffer), shape);
  }
  return feeds;
}

function median(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
