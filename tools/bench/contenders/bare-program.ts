/** Entry: the engine's own decode, preprocess, run and postprocess in a loop at one batch size, and nothing around it. */
import { readFile } from 'node:fs/promises';
import { encodeFrame, tensorFromJson, type ExecutorInput } from '#inference';
import { finishBatch, joinBatches, loadModel, Permits, prepareBatch, type Model } from '#engine';
import { latencyHistogram, record, summarize } from '../load/recorder.js';
import { childSettings, endWithParent, tellParent } from '../processes/child-side.js';
import { machineCpuMicros } from '../processes/process-usage.js';
import type { BareResult, BareSettings, FromBare } from './bare-protocol.js';
import { InlineRunner } from './inline-runner.js';

const settings = childSettings() as BareSettings;
endWithParent();
const runner = new InlineRunner({ threads: 1, providers: ['cpu'] });
const model = await loadModel(settings.packageDir, runner);
const input = await readInput(model);
const inputs = Array.from({ length: settings.batch }, () => input);
// As many at once as an executor of one thread allows itself.
const decodes = new Permits(2);
process.on('message', () => void measure());
tellParent({ kind: 'ready' } satisfies FromBare);

async function measure(): Promise<void> {
  await loopFor(settings.warmupMs, () => undefined);
  const histogram = latencyHistogram();
  const cpu = process.cpuUsage();
  const machine = machineCpuMicros();
  const start = performance.now();
  let batches = 0;
  await loopFor(settings.windowMs, (ms) => {
    batches++;
    record(histogram, ms);
  });
  const { user, system } = process.cpuUsage(cpu);
  const result: BareResult = {
    rows: batches * settings.batch,
    elapsedMs: performance.now() - start,
    cpuMicros: user + system,
    machineCpuMicros: machineCpuMicros() - machine,
    peakRssMb: process.resourceUsage().maxRSS / 1024,
    latency: summarize(histogram),
  };
  tellParent({ kind: 'finished', result } satisfies FromBare);
}

async function loopFor(limitMs: number, ran: (ms: number) => void): Promise<void> {
  const end = performance.now() + limitMs;
  let now = performance.now();
  while (now < end) {
    const prepared = await prepareBatch(model, inputs, decodes);
    const [joined] = joinBatches(model, [prepared]);
    const { feeds, rows } = joined!;
    const { outputs } = await runner.run(model.session, feeds);
    const { results } = await finishBatch(model, prepared, [{ outputs, rows }]);
    if (results.some((result) => !result.ok)) throw new Error(`A row failed: ${JSON.stringify(results[0])}`);
    const then = now;
    now = performance.now();
    ran(now - then);
  }
}

async function readInput({ description }: Model): Promise<ExecutorInput> {
  const bytes = await readFile(settings.bodyFile);
  if (settings.contentType !== 'application/json') return { type: 'image', rows: 1, bytes };
  const { input: value } = JSON.parse(bytes.toString('utf8')) as { input: unknown };
  const spec = description.inputs[0]!;
  const tensor = tensorFromJson({ ...spec, shape: spec.shape.slice(1), value, path: 'input' });
  return { type: 'tensors', rows: 1, bytes: encodeFrame([{ ...tensor, shape: [1, ...tensor.shape] }]) };
}
