// Proves: a version's way from upload to removal over HTTP, with a real worker; every operation may be repeated.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyLine, newApiKey } from '#inference';
import { UNKNOWN_OPERATOR } from '../fixtures/onnx-bytes.js';
import { scaleModel } from '../fixtures/scale-model.js';
import { ask, postJson, type Answer } from '../support/http.js';
import { ModelsApi } from '../support/models-api.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const own = new ModelsFolder().file('own', '1', { 'model.onnx': scaleModel(100) });
const folder = mkdtempSync(join(tmpdir(), 'sluice-operations-'));
const store = join(folder, 'store');
const [admin, caller] = [newApiKey(), newApiKey()];
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
let stack: Stack;
let api: ModelsApi;

beforeAll(async () => {
  writeFileSync(join(folder, 'keys'), `${keyLine('ops', admin, ['admin'])}\n${keyLine('team', caller)}\n`);
  stack = await Stack.start({
    models: own.path,
    gatewayEnv: { SLUICE_STORE: store, SLUICE_API_KEYS: join(folder, 'keys') },
    workerEnv: { SLUICE_STORE: store, SLUICE_EXECUTORS: '1' },
  });
  api = new ModelsApi(stack.url, bearer(admin));
});
afterAll(async () => {
  await stack.close();
  own.remove();
  rmSync(folder, { recursive: true });
});

/** What a model's name answers: the factor of the version that did. */
async function factor(path: string, headers: Record<string, string> = {}): Promise<number | string> {
  const all = { ...bearer(caller), ...headers };
  const { status, json } = await postJson(`${stack.url}/predict/${path}`, { input: [1, 1, 1, 1] }, all);
  return status === 200 ? (json.output as number[])[0]! : (json.code as string);
}

/** Once, and again: every operation may be repeated. */
async function twice(work: () => Promise<void>): Promise<void> {
  await work();
  await work();
}

/** Registers m:<n>, whose answers are <n> times their input, and waits until it is ready. */
async function ready(version: string, query: Record<string, string> = {}): Promise<void> {
  const answer = await api.add(scaleModel(Number(version)), { name: 'm', version, ...query }, { prefer: 'wait=30' });
  expect(answer.status).toBe(201);
  await until(`m:${version} is ready`, async () => (await api.state('m', version)) === 'ready');
}

describe('a version', () => {
  it('is verified while its caller waits, loaded, and answers', async () => {
    const answer = await api.add(scaleModel(1), { name: 'm', version: '1' }, { prefer: 'wait=30' });
    expect(answer).toMatchObject({ status: 201, json: { name: 'm', version: '1' } });
    expect(answer.headers['preference-applied']).toBe('wait=30');
    await until('it is ready', async () => (await api.state('m', '1')) === 'ready');
    expect(await factor('m')).toBe(1);
  });

  it('that fails its verification says why, stays to be read, and may be tried again', async () => {
    await twice(async () => {
      const answer = await api.add(UNKNOWN_OPERATOR, { name: 'broken' }, { prefer: 'wait=30' });
      expect(answer).toMatchObject({
        status: 422,
        json: { code: 'VERIFICATION_FAILED', name: 'broken', version: '1' },
      });
      expect(answer.json.detail).toMatch(/Nonsense/);
    });
    const shown = (await api.call('GET', '/broken/versions/1')).json;
    expect(shown).toMatchObject({ state: 'failed', report: { outcome: 'failed' } });
    expect(await factor('broken')).toBe('MODEL_NOT_READY');
    expect(await factor('m')).toBe(1);
  });

  it('is told whole: package, report, workers, speed', async () => {
    const shown = (await api.call('GET', '/m/versions/1')).json;
    expect(shown).toMatchObject({
      source: 'upload',
      by: 'ops',
      desired: 'loaded',
      servable: true,
      workers_ready: 1,
      slots: 1,
      description: { task: 'tensor', batched: true, maxBatchSize: 32 },
      manifest: { name: 'm', version: '1' },
      report: { outcome: 'passed' },
      workers: [{ state: 'ready', device: expect.any(String), slots: 1 }],
      errors: [],
    });
  });

  it('of a worker is listed too, and is not the registry’s to change', async () => {
    const { models } = (await api.call('GET', '')).json as { models: { name: string; versions: object[] }[] };
    expect(models.map(({ name }) => name)).toEqual(['broken', 'm', 'own']);
    expect(models[2]!.versions).toMatchObject([{ version: '1', state: 'ready', source: 'worker' }]);
    for (const [method, path] of [
      ['POST', '/load'],
      ['POST', '/unload'],
      ['DELETE', ''],
    ]) {
      expect(await api.call(method!, `/own/versions/1${path}`)).toMatchObject({
        status: 409,
        json: { code: 'STATE_CONFLICT' },
      });
    }
    const other = await api.add(scaleModel(99), { name: 'own', version: '1' });
    expect(other).toMatchObject({ status: 409, json: { code: 'VERSION_CONFLICT' } });
    expect((await api.send('PUT', '/own/default', { version: '1' })).status).toBe(200);
  });

  it('can be listed page by page', async () => {
    const first = (await api.call('GET', '?limit=2')).json;
    const second = (await api.call('GET', `?limit=2&after=${first.next}`)).json;
    expect([...first.models, ...second.models].map(({ name }) => name)).toEqual(['broken', 'm', 'own']);
    expect(second.next).toBeNull();
  });

  it('takes limits, in place of those before', async () => {
    const limit = (batching: object): Promise<Answer> => api.send('PATCH', '/m/versions/1', { batching });
    for (const [batching, expected] of [
      [{ maxBatchSize: 4, maxDelayMs: 5 }, [4, 5]],
      [{ maxBatchSize: 4, maxDelayMs: 5 }, [4, 5]],
      [{ maxBatchSize: 8 }, [8, 0]],
      [{}, [32, 0]],
    ] as const) {
      expect((await limit(batching)).status).toBe(200);
      const { description } = (await api.call('GET', '/m/versions/1')).json;
      expect([description.maxBatchSize, description.maxDelayMs]).toEqual(expected);
    }
    expect((await limit({ maxBatchSize: 0 })).status).toBe(422);
    expect((await limit({ maxBatch: 1 })).status).toBe(422);
  });
});

describe('a version that was registered as the default', () => {
  it('becomes it once it is ready, and not before', async () => {
    expect((await api.send('PUT', '/m/default', { version: '1' })).status).toBe(200);
    await ready('2');
    expect(await factor('m')).toBe(1);
    await ready('3', { default: 'true' });
    await until('it is the default', async () => (await api.call('GET', '/m')).json.default === '3');
    expect(await factor('m')).toBe(3);
    expect(stack.gateway.log).toContain('"audit":"promote"');
  });
});

describe('a version that is let go', () => {
  it('is not, while a name means it', async () => {
    for (const call of [api.call('POST', '/m/versions/3/unload'), api.call('DELETE', '/m/versions/3')]) {
      const answer = await call;
      expect(answer).toMatchObject({ status: 409, json: { code: 'STATE_CONFLICT' } });
      expect(answer.json.detail).toContain('default');
    }
    expect(await factor('m')).toBe(3);
  });

  it('takes no new predictions when it is unloaded, and takes them again when it is loaded', async () => {
    await twice(async () => {
      expect((await api.call('POST', '/m/versions/2/unload')).json).toMatchObject({ desired: 'unloaded' });
      expect(await factor('m/2')).toBe('MODEL_NOT_READY');
      expect(await factor('m/2', { prefer: 'respond-async' })).toBe('MODEL_NOT_READY');
    });
    await until('it is unloaded', async () => (await api.state('m', '2')) === 'unloaded');
    expect((await api.send('PUT', '/m/default', { version: '2' })).status).toBe(409);
    await twice(async () => expect((await api.call('POST', '/m/versions/2/load')).status).toBe(200));
    // A worker that has just dropped it says at its next heartbeat that it could have it.
    await until('it is served again', async () => (await factor('m/2')) === 2);
  });

  it('is removed with its package, and its name is free again', async () => {
    const { digest } = (await api.call('GET', '/m/versions/2')).json;
    expect(await api.call('DELETE', '/m/versions/2')).toMatchObject({ status: 200, json: { state: 'removed' } });
    expect(await factor('m/2')).toBe('MODEL_NOT_FOUND');
    expect((await api.call('DELETE', '/m/versions/2')).status).toBe(404);
    expect(readdirSync(join(store, 'packages'))).not.toContain(digest);
    await until('its name is free', async () => {
      const answer = await api.add(scaleModel(22), { name: 'm', version: '2' });
      return answer.status === 202;
    });
    await until('it answers', async () => (await factor('m/2')) === 22);
  });

  it('takes its predictions along when it is forced', async () => {
    await Promise.all(stack.workers.map((worker) => worker.stop()));
    const headers = { ...bearer(caller), prefer: 'respond-async' };
    const submitted = await postJson(`${stack.url}/predict/m/2`, { input: [1, 1, 1, 1] }, headers);
    expect(submitted.status).toBe(202);
    const refused = await api.call('DELETE', '/m/versions/2');
    expect(refused).toMatchObject({ status: 409, json: { code: 'STATE_CONFLICT' } });
    expect(refused.json.detail).toMatch(/1 jobs? of/);
    expect((await api.call('DELETE', '/m/versions/2?force=true')).status).toBe(200);
    const url = submitted.headers['location'] as string;
    await until('its prediction has failed', async () => {
      const { json } = await ask(url, { method: 'GET', headers: bearer(caller) });
      return json.status === 'failed' && json.error_code === 'VERSION_REMOVED';
    });
    expect((await ask(`${url}/retry`, { headers: bearer(caller) })).json.code).toBe('MODEL_NOT_FOUND');
  });
});

it('no key is ever in the log, and every change is', () => {
  expect(stack.gateway.log).not.toContain(admin);
  expect(stack.gateway.log).not.toContain(caller);
  for (const action of ['register', 'load', 'unload', 'limit', 'remove', 'set-default']) {
    expect(stack.gateway.log).toMatch(new RegExp(`"audit":"${action}","owner":"ops"`));
  }
});
