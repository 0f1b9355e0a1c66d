/**
 * A worker of the durable lane without a model, as a process that a test can kill at a step of its choice: it runs the
 * library's own end of the queue and the ledger. STAND_IN_STOP names the step after which it does nothing more.
 */
import {
  DeliveryQueue,
  DurableWorker,
  keysUnder,
  Ledger,
  Outbox,
  patientConnection,
  RedisClock,
  type GenerationRef,
} from '#inference';

type Step = 'taken' | 'began' | 'succeeded' | 'never';

const { REDIS_URL = '', SLUICE_PREFIX = '', STAND_IN_QUEUE = '', STAND_IN_STOP = 'never' } = process.env;
const stop = STAND_IN_STOP as Step;
const keys = keysUnder(SLUICE_PREFIX);
const redis = patientConnection({ url: REDIS_URL, connectionName: 'sluice-worker' });
const clock = new RedisClock(redis);
const ledger = new Ledger(redis, keys, clock);
const outbox = new Outbox({ redis, keys, deliveries: new DeliveryQueue(redis, keys) });
const METRICS = {
  queue_ms: 0,
  batch_wait_ms: 0,
  preprocess_ms: 0,
  infer_ms: 0,
  batch_size: 1,
  release_reason: 'greedy',
  worker: 'w0',
};

async function reached(step: Step, { id, generation }: GenerationRef): Promise<void> {
  process.stdout.write(`${step} ${id} ${generation}\n`);
  if (step === stop) await new Promise(() => undefined);
}

async function work(incoming: GenerationRef): Promise<void> {
  await reached('taken', incoming);
  const begun = await ledger.begin(incoming);
  if (!begun.applied) {
    process.stdout.write(`nothing ${incoming.id} ${incoming.generation}\n`);
    return;
  }
  await outbox.dispatch(begun.outbox);
  await reached('began', incoming);
  const bytes = Buffer.from(String(incoming.generation));
  const outputs = [{ type: 'json' as const, offset: 0, length: bytes.length }];
  const ended = await ledger.succeed(incoming, { outputs, bytes, metrics: METRICS });
  await reached('succeeded', incoming);
  await outbox.dispatch(ended.outbox);
}

await clock.start();
const worker = new DurableWorker({
  queue: STAND_IN_QUEUE,
  concurrency: 64,
  redis,
  keys,
  process: async ({ refs }) => {
    await Promise.all(refs.map(work));
    return 'settled';
  },
  failed: (error) => process.stderr.write(`${error.message}\n`),
});
await worker.ready();
process.stdout.write('ready\n');
