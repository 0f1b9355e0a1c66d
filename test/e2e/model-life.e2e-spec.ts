// Proves: workers make true what the registry says, whatever they have missed, and a version with jobs is never left
// without a consumer.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PackageServer } from '../fixtures/package-server.js';
import { Cable } from '../support/cable.js';
import { ask, postJson, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { RegisteredModels, ROW_SUM, SLOW } from '../support/registered.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const own = new ModelsFolder().fixtures('add');
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
const sum = (version: string): Promise<Answer> =>
  postJson(`${stack.url}/predict/sum/${version}`, { input: [1, 2, 3, 4] });
const isState = (version: string, ...states: string[]) =>
  until(`sum:${version} is ${states.join()}`, async () => {
    const now = await models.states('sum', version);
    return now.sort().join() === states.join();
  });
const ready = (version: string, count = 1) => isState(version, ...Array<string>(count).fill('ready'));

async function submit(count: number): Promise<string[]> {
  const sent = Array.from({ length: count }, (_, i) =>
    postJson(`${stack.url}/v1/predictions`, { model: 'sum', version: '1', input: [i, 0, 0, 0] }),
  );
  return (await Promise.all(sent)).map(({ status, json }) => {
    expect(status).toBe(202);
    return json.id as string;
  });
}

async function outcomes(ids: readonly string[]): Promise<string[]> {
  const all = await Promise.all(ids.map((id) => ask(`${stack.url}/v1/predictions/${id}`, { method: 'GET' })));
  return all.map(({ json }) => json.status as string);
}

describe('a registered version', () => {
  it('is loaded by a worker that runs, by one that comes late and by one that starts again', async () => {
    worker();
    await until('the worker is there', async () => (await models.beats()).length === 1);
    await models.add({ name: 'sum', version: '1', ...ROW_SUM });
    await ready('1');
    await until('the gateway has it', async () => (await sum('1')).status === 200);
    expect((await sum('1')).json).toMatchObject({ output: [10], model: 'sum', version: '1' });
    worker();
    await ready('1', 2);
    await stack.workers[0]!.stop();
    await ready('1');
    worker();
    await ready('1', 2);
  });

  it('is caught up with by a worker that stood still while one came and another went', async () => {
    worker();
    await models.add({ name: 'sum', version: '1', ...ROW_SUM });
    await ready('1');
    stack.workers[0]!.kill('SIGSTOP');
    await models.add({ name: 'sum', version: '2', ...ROW_SUM });
    await models.registry.desire({ name: 'sum', version: '1' }, 'unloaded');
    await isState('2');
    stack.workers[0]!.kill('SIGCONT');
    await ready('2');
    await isState('1');
  });

  it('is caught up with by a worker that was cut off from Redis meanwhile', async () => {
    const cable = new Cable(new URL(stack.redisUrl));
    worker({ REDIS_URL: await cable.start() });
    try {
      await models.add({ name: 'sum', version: '1', ...ROW_SUM });
      await ready('1');
      cable.cut();
      await stack.workers[0]!.logged(/Redis is away/);
      await models.add({ name: 'sum', version: '2', ...ROW_SUM });
      await models.registry.desire({ name: 'sum', version: '1' }, 'unloaded');
      await until('it counts as gone', async () => (await models.beats()).length === 0);
      cable.mend();
      await ready('2');
      await isState('1');
      await until('the gateway has it', async () => (await sum('2')).status === 200);
    } finally {
      await stack.workers[0]!.stop();
      cable.stop();
    }
  });

  it('that is unloaded answers what it was accepted for, and is unloaded then, on all workers at once', async () => {
    worker();
    worker();
    await models.add({ name: 'sum', version: '1', ...SLOW });
    await ready('1', 2);
    await until('the gateway has it', async () => (await sum('1')).status === 200);
    const ids = await submit(120);
    await models.registry.desire({ name: 'sum', version: '1' }, 'unloaded');
    await isState('1', 'draining', 'draining');
    expect(await outcomes(ids)).toContain('starting');
    await isState('1');
    expect(new Set(await outcomes(ids))).toEqual(new Set(['succeeded']));
    expect((await sum('1')).status).not.toBe(200);
  });

  it('that is unloaded is drained by another worker when the one that drained it dies', async () => {
    const first = worker();
    await models.add({ name: 'sum', version: '1', ...SLOW });
    await ready('1');
    await until('the gateway has it', async () => (await sum('1')).status === 200);
    const ids = await submit(24);
    await models.registry.desire({ name: 'sum', version: '1' }, 'unloaded');
    await isState('1', 'draining');
    first.kill('SIGKILL');
    await first.exited;
    worker();
    await until('all are answered', async () => (await outcomes(ids)).every((status) => status === 'succeeded'));
    await isState('1');
  });

  it('that is wanted again while it drains stays', async () => {
    worker();
    await models.add({ name: 'sum', version: '1', ...SLOW });
    await ready('1');
    await until('the gateway has it', async () => (await sum('1')).status === 200);
    const ids = await submit(16);
    await models.registry.desire({ name: 'sum', version: '1' }, 'unloaded');
    await isState('1', 'draining');
    await models.registry.desire({ name: 'sum', version: '1' }, 'loaded');
    await ready('1');
    expect(stack.workers[0]!.log.match(/"model":"sum:1"[^\n]*model starting/g)).toHaveLength(1);
    await until('all are answered', async () => (await outcomes(ids)).every((status) => status === 'succeeded'));
  });

  it('that is removed is let go of, and another package may have its name', async () => {
    worker();
    await models.add({ name: 'sum', version: '1', ...ROW_SUM });
    await ready('1');
    await models.registry.remove({ name: 'sum', version: '1' }, true);
    await isState('1');
    await models.registry.removalOver({ name: 'sum', version: '1' });
    const other = await models.add({ name: 'sum', version: '1', ...SLOW });
    await ready('1');
    await until('the other answers', async () => (await sum('1')).json.output?.length === 4);
    expect(await models.redis.hget(`${stack.prefix}:model:sum:1`, 'checksum')).toBe(other.digest);
  });

  it('follows its limits without being loaded again', async () => {
    worker();
    await models.add({ name: 'sum', version: '1', ...ROW_SUM });
    await ready('1');
    await until('the gateway has it', async () => (await sum('1')).status === 200);
    const rows = { inputs: Array.from({ length: 8 }, () => [1, 2, 3, 4]) };
    const size = async (): Promise<number> =>
      (await postJson(`${stack.url}/predict/sum/1`, rows)).json.metrics.batch_size as number;
    expect(await size()).toBe(8);
    await models.registry.limit({ name: 'sum', version: '1' }, { maxBatchSize: 2 });
    await until('batches are smaller', async () => (await size()) === 2);
    await models.registry.limit({ name: 'sum', version: '1' }, {});
    await until('batches are as before', async () => (await size()) === 8);
    expect(stack.workers[0]!.log.match(/"model":"sum:1"[^\n]*model starting/g)).toHaveLength(1);
  });

  it('whose package is missing says so, and is loaded once it is there', async () => {
    worker();
    const model = { name: 'sum', version: '1', ...ROW_SUM };
    const packed = await models.pack(model);
    const store = await models.store;
    await store.remove(packed.digest);
    await models.register(model, packed);
    await isState('1', 'failed');
    expect((await models.on('sum', '1'))[0]!.reason).toMatch(/is not in this worker's store.*SLUICE_GATEWAY_URL/);
    await models.pack(model);
    await ready('1');
  });

  it('is fetched by workers that have no store in common with the gateways', async () => {
    const server = new PackageServer(await models.store, 'secret-key');
    const url = await server.start();
    await models.add({ name: 'sum', version: '1', ...ROW_SUM });
    worker({ SLUICE_STORE: `${models.storeDir}-own`, SLUICE_GATEWAY_URL: url, SLUICE_WORKER_KEY: 'secret-key' });
    await ready('1');
    await until('the gateway has it', async () => (await sum('1')).status === 200);
    expect(stack.workers[0]!.log).not.toContain('secret-key');
    server.stop();
  });

  it('is fetched again by a worker whose copy was damaged', async () => {
    const server = new PackageServer(await models.store, 'secret-key');
    const env = { SLUICE_GATEWAY_URL: await server.start(), SLUICE_WORKER_KEY: 'secret-key' };
    const SLUICE_STORE = `${models.storeDir}-damaged`;
    const { digest } = await models.add({ name: 'sum', version: '1', ...ROW_SUM });
    worker({ ...env, SLUICE_STORE });
    await ready('1');
    await stack.workers[0]!.stop();
    writeFileSync(join(SLUICE_STORE, 'packages', digest, 'sum', '1', 'model.onnx'), 'cut');
    worker({ ...env, SLUICE_STORE });
    await ready('1');
    server.stop();
  });

  it('is verified though its gateway was away for longer than a worker tries', async () => {
    const server = new PackageServer(await models.store, 'secret-key');
    let isAway = true;
    server.disturb = (_, response) => isAway && Boolean(response.writeHead(503).end());
    const env = { SLUICE_GATEWAY_URL: await server.start(), SLUICE_WORKER_KEY: 'secret-key' };
    const { digest, files } = await models.pack({ name: 'sum', version: '1', ...ROW_SUM });
    worker({ ...env, SLUICE_STORE: `${models.storeDir}-late` });
    const head = { name: 'sum', version: '1', digest, bytes: 1, source: 'upload', by: 'public' };
    await models.registry.register({ head, files, manifest: {}, desired: 'loaded', promote: false });
    await stack.workers[0]!.logged(/a verification waits for its package/);
    isAway = false;
    await ready('1');
    server.stop();
  });
});
