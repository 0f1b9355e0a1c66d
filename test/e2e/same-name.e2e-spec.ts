// Proves: a version that was removed, and another package that came under its name, are never mixed up: neither by a
// worker that stood still or was cut off meanwhile, nor by predictions that were accepted for the one before.
import { scaling } from '../fixtures/scale-model.js';
import { Cable } from '../support/cable.js';
import { ask, postJson, type Answer } from '../support/http.js';
import { metric } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { RegisteredModels, SLOW } from '../support/registered.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const own = new ModelsFolder().fixtures('add');
const M = { name: 'm', version: '1' };
let stack: Stack;
let models: RegisteredModels;

beforeEach(async () => {
  stack = await Stack.start({ models: own.path, workers: 0, serves: false, workerEnv: { SLUICE_EXECUTORS: '1' } });
  models = new RegisteredModels(stack);
});
afterEach(async () => {
  await stack.close();
  await models.close();
});
afterAll(() => own.remove());

const worker = (env: Record<string, string> = {}) => stack.addWorker({ SLUICE_STORE: models.storeDir, ...env });
const predict = (timeout = 20): Promise<Answer> =>
  postJson(`${stack.url}/predict/m/1`, { input: [1, 1, 1, 1] }, { 'x-request-timeout': String(timeout) });
const submit = (): Promise<Answer> =>
  postJson(`${stack.url}/v1/predictions`, { model: 'm', version: '1', input: [1, 1, 1, 1] });
const rows = (path: string, body = '{"input": [1, 1, 1, 1]}\n'): Promise<Answer> =>
  ask(`${stack.url}/v1/batches${path}`, { headers: { 'content-type': 'application/x-ndjson' }, body });
const add = (factor: number) => models.add({ ...M, ...scaling(factor) });
const answers = (factor: number) =>
  until(`m:1 multiplies by ${factor}`, async () => (await predict()).json.output?.[0] === factor);
const removed = () => ask(`${stack.url}/v1/models/m/versions/1?force=true`, { method: 'DELETE' });
const nameIsFree = () => until('its name is free', async () => (await models.registry.removed()).length === 0);

const outcome = ({ json }: Answer): unknown => json.output?.[0] ?? json.code;

/** What a kept prediction was multiplied by, or why it failed. */
async function kept({ json: { id } }: Answer): Promise<unknown> {
  let shown: Answer['json'];
  await until('it has ended', async () => {
    shown = (await ask(`${stack.url}/v1/predictions/${id}`, { method: 'GET' })).json;
    return ['succeeded', 'failed'].includes(shown.status as string);
  });
  return shown.output?.output?.[0] ?? shown.output?.[0] ?? shown.error_code;
}

/** m:1 becomes another package while the first worker is `away`; then that worker is the only one, and comes `back`. */
async function replaced(away: () => void, back: () => void): Promise<void> {
  await add(2);
  await until('both have it', async () => (await models.states('m', '1')).join() === 'ready,ready');
  await answers(2);
  away();
  expect((await removed()).status).toBe(200);
  await nameIsFree();
  await add(3);
  await answers(3);
  stack.workers[1]!.kill('SIGKILL');
  const durable = await Promise.all(Array.from({ length: 20 }, submit));
  const callers = Promise.all(Array.from({ length: 40 }, () => predict()));
  back();
  expect(new Set((await callers).map(outcome))).toEqual(new Set([3]));
  expect(new Set(await Promise.all(durable.map(kept)))).toEqual(new Set([3]));
}

describe('another package under the name of one that was removed', () => {
  it('is not answered for by a worker that stood still meanwhile and holds the one before', async () => {
    const still = worker();
    worker();
    await replaced(
      () => still.kill('SIGSTOP'),
      () => still.kill('SIGCONT'),
    );
  });

  it('is not answered for by a worker that was cut off meanwhile', async () => {
    const cable = new Cable(new URL(stack.redisUrl));
    worker({ REDIS_URL: await cable.start() });
    worker();
    try {
      await replaced(
        () => cable.cut(),
        () => cable.mend(),
      );
    } finally {
      await stack.workers[0]!.stop();
      cable.stop();
    }
  });
});

describe('what was accepted for a version that is removed by force', () => {
  it('is told so at once when its caller waits', async () => {
    worker();
    await models.add({ ...M, ...SLOW });
    await until('it answers', async () => (await predict()).status === 200);
    // More than can run in the time that is looked at here.
    const callers = Array.from({ length: 800 }, () => predict(60));
    let answered = 0;
    for (const caller of callers) void caller.then(() => answered++);
    await until('all are accepted and some answered', async () => {
      const seen = answered;
      return seen > 0 && seen + (await metric(stack.url, 'sluice_in_flight')) >= callers.length;
    });
    await until('many wait', async () => (await models.on('m', '1'))[0]!.depth > 0);
    expect((await removed()).status).toBe(200);
    const since = Date.now();
    const answers = await Promise.all(callers);
    expect(Date.now() - since).toBeLessThan(5_000);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 410]));
    expect(answers.find(({ status }) => status === 410)!.json).toMatchObject({ code: 'VERSION_REMOVED' });
  });

  it('is not tried again on another package of that name', async () => {
    worker();
    await add(2);
    await answers(2);
    await stack.workers[0]!.stop();
    const before = await submit();
    const bulk = await rows('?model=m&version=1&seal=false', '');
    await removed();
    expect(await kept(before)).toBe('VERSION_REMOVED');
    await nameIsFree();
    worker();
    await add(3);
    await answers(3);
    expect(await rows(`/${bulk.json.id}/rows?from=0`)).toMatchObject({
      status: 410,
      json: { code: 'VERSION_REMOVED' },
    });
    const again = await ask(`${stack.url}/v1/predictions/${before.json.id}/retry`);
    expect(again).toMatchObject({ status: 410, json: { code: 'VERSION_REMOVED' } });
  });
});
