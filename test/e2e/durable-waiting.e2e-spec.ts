/** Durable predictions and bulk runs while no worker is there, and when one comes. */
import { Redis } from 'ioredis';
import { ask, postJson, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { endOf } from '../support/predictions.js';
import { sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('row_sum');
let stack: Stack;
let waiting: string;

beforeAll(async () => {
  stack = await Stack.start({ models: models.path, awaits: ['row_sum'] });
  await Promise.all(stack.workers.splice(0).map((worker) => worker.stop()));
  await until('no worker is left', async () => (await get('/v1/models/row_sum/ready')).status === 503);
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const submit = (body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  postJson(`${stack.url}/v1/predictions`, body, headers);
const get = (path: string): Promise<Answer> => ask(stack.url + path, { method: 'GET' });
const post = (path: string): Promise<Answer> => ask(stack.url + path);
const sum = (...values: number[]): object => ({ model: 'row_sum', input: values });

const ended = (id: string): Promise<Answer['json']> => endOf(stack.url, id);

it('is accepted all the same, with its place in the queue', async () => {
  await submit(sum(1, 0, 0, 0));
  const { status, json } = await submit(sum(2, 0, 0, 0));
  expect(status).toBe(202);
  waiting = json.id;
  expect((await get(`/v1/predictions/${waiting}`)).json.queue).toMatchObject({ position: 1 });
});

it('is a 202 for a caller who has waited long enough', async () => {
  const { status, json } = await submit(sum(3, 0, 0, 0), { prefer: 'wait=1' });
  expect([status, json.status]).toEqual([202, 'starting']);
});

it('leaves no job behind when it is cancelled, alone, with others or as rows of a bulk run', async () => {
  const redis = new Redis(stack.redisUrl);
  const jobs = async (): Promise<number[]> =>
    Promise.all(['durable', 'bulk'].map((lane) => redis.llen(`${stack.prefix}:${lane}.row_sum@1:wait`)));
  const before = await jobs();
  const together = await Promise.all(Array.from({ length: 20 }, (_, i) => submit(sum(i, 0, 0, 0))));
  const rows = await sendRows(
    `${stack.url}/v1/batches?model=row_sum`,
    Array.from({ length: 200 }, () => '[1, 0, 0, 0]'),
  );
  for (const { json } of together) await post(`/v1/predictions/${json.id}/cancel`);
  await post(`/v1/batches/${rows.json.id}/cancel`);
  expect(await jobs()).toEqual(before);
  redis.disconnect();
});

it('is cancelled at once, and stays so when workers come', async () => {
  const { json } = await submit(sum(4, 0, 0, 0));
  expect((await post(`/v1/predictions/${json.id}/cancel`)).json).toMatchObject({ status: 'canceled', attempts: 0 });
  stack.addWorker();
  expect(await ended(waiting)).toMatchObject({ status: 'succeeded', output: [2] });
  expect((await get(`/v1/predictions/${json.id}`)).json).toMatchObject({ status: 'canceled', output: null });
  expect((await post(`/v1/predictions/${json.id}/retry`)).status).toBe(202);
  expect(await ended(json.id)).toMatchObject({ status: 'succeeded', output: [4] });
});
