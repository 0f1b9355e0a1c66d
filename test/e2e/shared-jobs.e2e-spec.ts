// Proves: predictions that share a job are as independent of each other as if each had one of its own.
import { GroupCommit } from '../../apps/gateway/src/durable/submission/group-commit.js';
import { LANE, Scene } from '../fixtures/scene.js';
import { submission } from '../fixtures/ledger.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let server: TestRedis;
let scene: Scene;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  scene = await Scene.on(server.url);
});
afterEach(() => scene.close());

const inMs = (ms: number): number => scene.context.clock.now() + ms;

/** Submitted at the same time, as a gateway does it. */
async function together(deadlines: number[], maxBatchSize = 32): Promise<{ ids: string[]; jobs: string[] }> {
  const commits = new GroupCommit(scene.context);
  const all = deadlines.map((deadline) => submission(scene.context.clock, { deadline }));
  const answers = await Promise.all(all.map((each) => commits.submit(each, maxBatchSize)));
  expect(answers.map(({ kind }) => kind)).toEqual(deadlines.map(() => 'new'));
  const ids = all.map(({ id }) => id);
  const records = await scene.context.ledger.readMany(ids);
  return { ids, jobs: records.map((record) => record!.job!) };
}

const job = (id: string): Promise<string> => scene.context.outbox.queue(LANE).state(id);

it('share one when they come at the same time, of no more than a batch', async () => {
  const { jobs } = await together(
    Array.from({ length: 10 }, () => inMs(60_000)),
    4,
  );
  expect(jobs.map((each) => jobs.indexOf(each))).toEqual([0, 0, 0, 0, 4, 4, 4, 4, 8, 8]);
  await until('no outbox entry is left', async () => (await scene.outbox()).length === 0);
  expect(await scene.context.outbox.queue(LANE).backlog()).toBe(3);
  expect(await scene.context.outbox.queue(LANE).place(jobs[8]!)).toBe(8);
});

it('get jobs of their own from the outbox when the shared one could not be added', async () => {
  const own = submission(scene.context.clock, { job: 'knever' });
  await scene.context.ledger.submit(own);
  scene.upkeep();
  await scene.worker();
  expect(await scene.ended(own.id)).toMatchObject({ status: 'succeeded' });
});

it('all end, each once, although their worker dies with the job', async () => {
  const { ids } = await together([inMs(60_000), inMs(60_000), inMs(60_000)]);
  scene.upkeep();
  const first = await scene.worker('began');
  await first.logged(/^began /m);
  first.kill('SIGKILL');
  await scene.worker();
  for (const id of ids) expect(await scene.ended(id)).toMatchObject({ status: 'succeeded', generation: 0 });
  expect(await scene.context.redis.zcard(scene.context.keys.due)).toBe(0);
});

it('run although one of them was cancelled', async () => {
  const { ids } = await together([inMs(60_000), inMs(60_000)]);
  await scene.context.ledger.cancel(ids[0]!);
  await scene.worker();
  expect(await scene.ended(ids[1]!)).toMatchObject({ status: 'succeeded' });
  expect(await scene.context.ledger.read(ids[0]!)).toMatchObject({ status: 'canceled', attempts: 0 });
});

it('keep their job until the last has ended, and leave none behind where no worker is', async () => {
  const { ids, jobs } = await together([inMs(300), inMs(1_500)]);
  scene.upkeep();
  expect(await scene.ended(ids[0]!)).toMatchObject({ status: 'aborted' });
  expect(await job(jobs[0]!)).toBe('there');
  expect(await scene.ended(ids[1]!)).toMatchObject({ status: 'aborted' });
  await until('the job is gone', async () => (await job(jobs[0]!)) === 'missing');
});

it('are found when their job is gone, and get jobs of their own', async () => {
  const { ids, jobs } = await together([inMs(60_000), inMs(60_000)]);
  await until('no outbox entry is left', async () => (await scene.outbox()).length === 0);
  await scene.context.outbox.queue(LANE).remove(jobs[0]!);
  scene.upkeep();
  for (const id of ids) await scene.lookNow(id);
  await scene.worker();
  for (const id of ids) expect(await scene.ended(id)).toMatchObject({ status: 'succeeded', generation: 0 });
});
