/** What a job's records are checked for before anything of them runs, on a real Redis. */
import { DeliveryQueue, Outbox } from '#inference';
import { ledgerOn, submission } from '../../../test/fixtures/ledger.js';
import { descriptionOf } from '../../../test/fixtures/registry.js';
import type { WorkerContext } from './context.js';
import { DurableProcessor } from './durable.processor.js';
import type { Intake, Target } from './predictions/intake.js';
import type { BatchFacts, Prediction, RunOfInput } from './predictions/part.js';

const { redis, keys, clock, ledger } = ledgerOn(process.env['SLUICE_TEST_REDIS_URL']!);
const outbox = new Outbox({ redis, keys, deliveries: new DeliveryQueue(redis, keys) });
const log = { error: () => undefined, warn: () => undefined };
const context = { ledger, outbox, clock, log, id: 'w' } as unknown as WorkerContext;
const NO_BATCH = { size: 1, infer_ms: 1, release_reason: 'greedy' } as BatchFacts;

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

it('one that Redis does not give, or whose delivery it does not take, keeps no other of its job from running', async () => {
  const [unreadable, refused, late, good] = [
    submission(clock),
    submission(clock),
    submission(clock, { deadline: clock.now() + 5, head: { webhook: 'https://x.test/' } }),
    submission(clock),
  ];
  for (const made of [unreadable, refused, late, good]) await ledger.submit(made);
  await redis.hset(keys.prediction(unreadable.id), 'status', 'of another build');
  await redis.del(keys.payload(refused.id));
  await redis.lpush(keys.payload(refused.id), 'no string');
  await redis.set(`${keys.prefix}:webhooks:wait`, 'no list');
  clock.pass(10);
  const began: string[] = [];
  const failed = { status: 'failed', code: 'INPUT_INVALID', message: 'no' } as const;
  const intake = {
    enqueue: (prediction: Prediction) => {
      began.push(prediction.item.id);
      (prediction.destination as RunOfInput).take({ ...prediction.item, ...failed }, NO_BATCH);
    },
  } as unknown as Intake;
  const target = { description: descriptionOf('digits', '1') } as Target;
  const refs = [unreadable, refused, late, good].map(({ id }) => ({ id, generation: 0 }));
  const processor = new DurableProcessor(context, intake, () => undefined);
  await expect(processor.process({ refs, redelivered: false }, target)).rejects.toThrow('not one of this build');
  await processor.process({ refs: [refs[1]!], redelivered: false }, target);
  expect(await ledger.read(refused.id)).toMatchObject({ status: 'starting' });
  expect(began).toEqual([good.id]);
  expect(await ledger.read(good.id)).toMatchObject({ status: 'failed', code: 'INPUT_INVALID' });
  expect(await ledger.read(late.id)).toMatchObject({ status: 'aborted' });
  expect(await redis.zrange(keys.outbox, '0', '-1')).toContain(`hook ${late.id} completed 0`);
});
