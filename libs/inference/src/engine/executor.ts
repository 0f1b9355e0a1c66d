/**
 * The process in which models run: entry of the child that a worker forks with its settings as the one argument.
 * Speaks contract/executor-messages.ts and knows neither queue nor network.
 *
 * Invariants: batches run in the order in which they came, while later ones are already being prepared; the process
 * ends by itself, with 0, after the runs in progress when told to stop or when its worker is gone; signals sent to the
 * whole group are the worker's to decide about.
 */
import type { ExecutorSettings, FromExecutor, ToExecutor } from '../contract/executor-messages.js';
import { modelKey } from '../contract/model-description.js';
import { collectLargeGrowth } from '../heap.js';
import { finishBatch, joinBatches, prepareBatch } from './batch.js';
import { loadModel, type Model } from './model.js';
import { Permits } from './permits.js';
import { RunClient } from './run-client.js';
import { RunLine, type Lined } from './run-line.js';

/** After the worker is gone nobody can kill a run that hangs. A run cannot be broken off, so the process is. */
const ORPHAN_MS = 2_000;

collectLargeGrowth();
const settings = JSON.parse(process.argv[2] ?? '{"threads":1,"providers":["cpu"]}') as ExecutorSettings;
const decodes = new Permits(settings.threads + 1);
const models = new Map<string, Model>();
const running = new Set<Promise<void>>();
const line = new RunLine(execute);
let stopping = false;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
const starting = RunClient.start(new URL('./run-thread.js', import.meta.url), settings);

process.on('message', (message: ToExecutor) => {
  if (message.kind === 'stop') void stop();
  else if (message.kind === 'load') void load(message);
  else void run(message);
});
process.on('disconnect', orphaned);
// A worker that died while this process was starting has said so before anybody listened.
if (!process.connected) orphaned();

starting.then(
  (client) => {
    void client.ended.then(() => stopping || process.exit(1));
    void send({ kind: 'ready', providers: settings.providers });
  },
  async (error: unknown) => {
    await send({ kind: 'unable', message: textOf(error) });
    process.exit(1);
  },
);

async function load({ call, directory }: Extract<ToExecutor, { kind: 'load' }>): Promise<void> {
  try {
    const client = await starting;
    const model = await loadModel(directory, client);
    const key = modelKey(model.description.name, model.description.version);
    const former = models.get(key);
    models.set(key, model);
    if (former) await client.release(former.session);
    const { description, placement } = model;
    await send({ kind: 'loaded', call, description, placement });
  } catch (error) {
    await send({ kind: 'refused', call, message: textOf(error) });
  }
}

async function run({ batch, model: key, inputs, joins }: Extract<ToExecutor, { kind: 'run' }>): Promise<void> {
  const model = models.get(key);
  if (!model) return send({ kind: 'broke', batch, message: `The model ${key} is not loaded.`, shared: false });
  const lined: Lined = { batch, model, joins, prepared: undefined };
  line.add(lined);
  lined.prepared = await prepareBatch(model, inputs, decodes);
  line.advance();
}

async function execute(together: Lined[]): Promise<void> {
  if (stopping) return;
  const [{ model }] = together as [Lined];
  const batches = together.map(({ prepared }) => prepared!);
  const finished = (async () => {
    try {
      const client = await starting;
      const { feeds, rows } = joinBatches(model, batches);
      const { outputs, inferMs } = rows > 0 ? await client.run(model.session, feeds) : { outputs: [], inferMs: 0 };
      for (const [i, { batch }] of together.entries()) {
        const prepared = batches[i]!;
        const { results, bytes } = finishBatch(model, prepared, { outputs, rows });
        void send({
          kind: 'ran',
          batch,
          results,
          bytes,
          prepareMs: prepared.prepareMs,
          run: { rows, inferMs, leads: i === 0 },
        });
      }
    } catch (error) {
      const shared = together.length > 1;
      for (const { batch } of together) void send({ kind: 'broke', batch, message: textOf(error), shared });
    }
  })();
  running.add(finished);
  await finished;
  running.delete(finished);
}

function orphaned(): void {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_MS);
  void stop();
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await Promise.all(running);
  const client = await starting;
  await client.close();
  process.exit(0);
}

/** Resolves once the message is on its way; a worker that is gone needs none. */
function send(message: FromExecutor): Promise<void> {
  if (!process.connected) return Promise.resolve();
  return new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
