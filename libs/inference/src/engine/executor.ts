/**
 * The process in which models run: entry of the child that a worker forks with its settings as the one argument.
 * Speaks contract/executor-messages.ts and knows neither queue nor network.
 *
 * Invariants: batches run by their turn, while later ones are already being prepared; the process
 * ends by itself, with 0, after the runs in progress when told to stop or when its worker is gone; signals sent to the
 * whole group are the worker's to decide about.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ExecutorSettings, FromExecutor, ToExecutor } from '../contract/executor-messages.js';
import { modelKey } from '../contract/model-description.js';
import { collectLargeGrowth } from '../heap.js';
import { finishBatch, joinBatches, prepareBatch, type Ran } from './batch.js';
import { Growth } from './growth.js';
import { decodeInBackground } from './image/decode.js';
import { HeldModels } from './held-models.js';
import { loadModel } from './model.js';
import { Permits } from './permits.js';
import { RunLine, type Lined } from './run/run-line.js';
import type { OpenSession } from './run/run-client.js';
import { bytesBeside, RunThreads } from './run/run-threads.js';

/** After the worker is gone nobody can kill a run that hangs. A run cannot be broken off, so the process is. */
const ORPHAN_MS = 2_000;

collectLargeGrowth();
const settings = JSON.parse(process.argv[2] ?? '{"threads":1,"providers":["cpu"]}') as ExecutorSettings;
if (settings.isBackground) decodeInBackground();
const decodes = new Permits(settings.threads + 1);
const growth = new Growth(decodes);
const models = new HeldModels();
const running = new Set<Promise<void>>();
const line = new RunLine(execute, ({ batch }) => void send({ kind: 'overtook', batch }));
let loading = Promise.resolve();
let stopping = false;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
const starting = RunThreads.start(new URL('./run/run-thread.js', import.meta.url), settings);

process.on('message', (message: ToExecutor) => {
  if (message.kind === 'stop') void stop();
  // One at a time, so that what the process grows by is one model's.
  else if (message.kind === 'load') loading = loading.then(() => load(message));
  else if (message.kind === 'unload') void unload(message);
  else void run(message);
});
process.on('disconnect', orphaned);
// A worker that died while this process was starting has said so before anybody listened.
if (!process.connected) orphaned();

starting.then(
  (threads) => {
    void threads.broken.then(() => stopping || process.exit(1));
    void send({ kind: 'ready', providers: settings.providers });
  },
  async (error: unknown) => {
    await send({ kind: 'unable', message: textOf(error) });
    process.exit(1);
  },
);

async function load({ call, directory }: Extract<ToExecutor, { kind: 'load' }>): Promise<void> {
  try {
    const threads = await starting;
    let grown: () => number | undefined = () => undefined;
    const open = async (path: string): Promise<OpenSession> => {
      grown = growth.startOfLoad(await bytesBeside(path));
      return threads.open(path);
    };
    const runner = { open, run: threads.run.bind(threads), release: threads.release.bind(threads) };
    const model = await loadModel(directory, runner);
    const { description, placement } = model;
    await models.put(modelKey(description.name, description.version), model, threads);
    await send({ kind: 'loaded', call, description, placement, ...bytes(grown()) });
  } catch (error) {
    await send({ kind: 'refused', call, message: textOf(error) });
  }
}

async function unload({ call, model }: Extract<ToExecutor, { kind: 'unload' }>): Promise<void> {
  await models.remove(model);
  await send({ kind: 'unloaded', call });
}

async function run({ model: key, inputs, ...asked }: Extract<ToExecutor, { kind: 'run' }>): Promise<void> {
  const { batch, turn } = asked;
  const model = models.use(key);
  if (!model) return send({ kind: 'broke', batch, message: `The model ${key} is not loaded.`, shared: false });
  const lined: Lined = { ...asked, model, prepared: undefined };
  line.add(lined);
  lined.prepared = await prepareBatch(model, inputs, decodes.at(turn));
  line.advance();
}

/** Resolves when the run thread is free again; answers are made while the next batch runs. */
async function execute(together: Lined[]): Promise<void> {
  if (stopping) return;
  await new Promise<void>((free) => {
    const finished = runTogether(together, free).then(() => void running.delete(finished));
    running.add(finished);
  });
}

async function runTogether(together: Lined[], free: () => void): Promise<void> {
  const [{ model }] = together as [Lined];
  const batches = together.map(({ prepared }) => prepared!);
  try {
    const threads = await starting;
    const grown = growth.startOfRun(model);
    const runs: Ran[] = [];
    let [rows, inferMs] = [0, 0];
    for (const joined of joinBatches(model, batches)) {
      const outcome = await threads.run(model.session, joined.feeds);
      runs.push({ outputs: outcome.outputs, rows: joined.rows });
      rows += joined.rows;
      inferMs += outcome.inferMs;
    }
    const more = bytes(grown());
    free();
    // Lets the next run be asked for first.
    await nextTurn();
    for (const [i, { batch }] of together.entries()) {
      const prepared = batches[i]!;
      const { results, bytes } = await finishBatch(model, prepared, runs);
      const run = { rows, inferMs, leads: i === 0, ...(i === 0 && more) };
      void send({ kind: 'ran', batch, results, bytes, prepareMs: prepared.prepareMs, run });
    }
  } catch (error) {
    free();
    const shared = together.length > 1;
    for (const { batch } of together) void send({ kind: 'broke', batch, message: textOf(error), shared });
  }
  for (const each of together) models.done(each.model);
}

function orphaned(): void {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_MS);
  void stop();
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await Promise.all(running);
  const threads = await starting;
  await threads.close();
  process.exit(0);
}

/** Resolves once the message is on its way; a worker that is gone needs none. */
function send(message: FromExecutor): Promise<void> {
  if (!process.connected) return Promise.resolve();
  return new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
}

function bytes(grown: number | undefined): { grownBytes?: number } {
  return grown === undefined ? {} : { grownBytes: grown };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
