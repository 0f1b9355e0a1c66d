/** What a job's records are checked for before anything of them runs, on a real Redis. */
import { DeliveryQueue, Outbox } from '#inference';
import { ledgerOn, submission } from '../../../test/fixtures/ledger.js';
import { descriptionOf } from '../../../test/fixtures/registry.js';
import type { WorkerContext } from './context.js';
import { DurableProcessor } from './durable.processor.js';
import type { Intake, Target } from './predictions/intake.js';

const { redis, keys, clock, ledger } = ledgerOn(process.env['SLUICE_TEST_REDIS_URL']!);
const outbox = new Outbox({ redis, keys, deliveries: new DeliveryQueue(redis, keys) });
const context = { ledger, outbox, clock, id: 'w' } as unknown as WorkerContext;

afterAll(async () => {
  await outbox.close();
  await redis.quit();
});

it('a prediction that was accepted for another package of that name fails, and does not run', async () => {
  const made = submission(clock, { head: { package: 'before' } });
  await ledger.submit(made);
  let runs = 0;
  const intake = { enqueue: () => runs++ } as unknown as Intake;
  const target = { description: descriptionOf('digits', '1'), mark: 'now' } as Target;
  const processor = new DurableProcessor(context, intake, () => undefined);
  await processor.process({ refs: [{ id: made.id, generation: 0 }], redelivered: false }, target);
  expect(await ledger.read(made.id)).toMatchObject({ status: 'failed', code: 'VERSION_REMOVED' });
  expect(runs).toBe(0);
});
