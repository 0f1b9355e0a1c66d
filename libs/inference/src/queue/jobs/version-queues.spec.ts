/** What is left in a version's queues, on a real Redis. */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { keysUnder } from '../../contract/keys.js';
import { LANES } from '../../contract/prediction-record.js';
import { VersionQueues } from './version-queues.js';

const connection = new Redis(process.env['SLUICE_TEST_REDIS_URL']!, { maxRetriesPerRequest: null });
const keys = keysUnder(`{t${randomBytes(6).toString('hex')}}`);
const queues = new VersionQueues(connection, keys);
const [m1, m2] = ['1', '2'].map((version) => ({ name: 'm', version })) as [
  { name: string; version: string },
  { name: string; version: string },
];
const open: (Queue | Worker)[] = [];
const queue = (name: string): Queue => {
  const made = new Queue(name, { connection, prefix: keys.prefix });
  open.push(made);
  return made;
};
afterAll(async () => {
  await Promise.all(open.map((each) => each.close()));
  await connection.quit();
});

describe('jobs of a version', () => {
  it('count until they have ended, whichever queue they are in and whether they wait or run', async () => {
    expect([await queues.jobs([m1, m2]), await queues.anyJobs([m1, m2])]).toEqual([
      [0, 0],
      [false, false],
    ]);
    const packs = queue(keys.packQueue('m', '1'));
    await packs.add('pack', {}, { removeOnComplete: true });
    await queue(keys.durableQueue('bulk', 'm', '2')).add('rows', {}, { priority: 5 });
    await queue(keys.durableQueue('durable', 'm', '2')).add('one', {}, { delay: 60_000 });
    expect([await queues.jobs([m1, m2]), await queues.anyJobs([m1, m2])]).toEqual([
      [1, 2],
      [true, true],
    ]);
    let finish = (): void => undefined;
    const running = new Promise<void>((begun) => {
      const process = (): Promise<void> => {
        begun();
        return new Promise((resolve) => (finish = resolve));
      };
      open.push(new Worker(packs.name, process, { connection, prefix: keys.prefix }));
    });
    await running;
    expect([await queues.jobs([m1]), await queues.anyJobs([m1])]).toEqual([[1], [true]]);
    const done = new Promise((resolve) => (open.at(-1) as Worker).once('completed', resolve));
    finish();
    await done;
    expect([await queues.jobs([m1]), await queues.anyJobs([m1])]).toEqual([[0], [false]]);
    await queues.forget(m2);
    expect(await queues.anyJobs([m2])).toEqual([false]);
  });

  it('are of that version alone, also where a dot may end its name or begin its version', async () => {
    const [llama, other] = [
      { name: 'llama-3', version: '1.1' },
      { name: 'llama-3.1', version: '1' },
    ] as const;
    for (const lane of LANES) await queue(keys.durableQueue(lane, other.name, other.version)).add('job', {});
    await queue(keys.packQueue(other.name, other.version)).add('pack', {});
    await queues.forget(llama);
    expect(await queues.jobs([llama, other])).toEqual([0, 3]);
  });
});
