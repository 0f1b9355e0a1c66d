// Proves: a model's name means what it was told to mean, on the gateway that was told at once and on others soon after.
import { scaleModel } from '../fixtures/scale-model.js';
import { ask, postJson } from '../support/http.js';
import { ModelsApi } from '../support/models-api.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder();
let stack: Stack;
let api: ModelsApi;

beforeAll(async () => {
  for (const version of ['1', '2']) models.file('m', version, { 'model.onnx': scaleModel(Number(version)) });
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' } });
  api = new ModelsApi(stack.url);
  await until('both are ready', async () => {
    const { versions } = (await api.call('GET', '/m')).json as { versions: { state: string }[] };
    return versions.length === 2 && versions.every(({ state }) => state === 'ready');
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

/** What a model's name answers: the factor of the version that did. */
async function factor(path: string, url = stack.url): Promise<number | string> {
  const { status, json } = await postJson(`${url}/predict/${path}`, { input: [1, 1, 1, 1] });
  return status === 200 ? (json.output as number[])[0]! : (json.code as string);
}

function shares(...of: [version: string, weight: number][]): { split: object[] } {
  return { split: of.map(([version, weight]) => ({ version, weight })) };
}

describe('a name', () => {
  it('means the newest that is ready, until it has a default', async () => {
    expect(await factor('m')).toBe(2);
    for (const version of ['1', '1', '2', '1']) {
      const answer = await api.send('PUT', '/m/default', { version });
      expect(answer).toMatchObject({ status: 200, json: { default: version } });
      expect(await factor('m')).toBe(Number(version));
    }
    expect((await api.call('DELETE', '/m/default')).json).toMatchObject({ default: null });
    expect(await factor('m')).toBe(2);
    expect((await api.send('PUT', '/m/default', { version: '1' })).status).toBe(200);
  });

  it('has aliases, which a default does not touch', async () => {
    expect((await api.send('PUT', '/m/aliases/canary', { version: '2' })).json).toMatchObject({
      aliases: { canary: '2' },
    });
    expect(await factor('m/canary')).toBe(2);
    expect(await factor('m/latest')).toBe(2);
    expect(await factor('m/2')).toBe(2);
    for (const status of [200, 200]) expect((await api.call('DELETE', '/m/aliases/canary')).status).toBe(status);
    expect(await factor('m/canary')).toBe('MODEL_NOT_FOUND');
  });

  it.each([
    ['/m/aliases/latest', { version: '1' }, 422],
    ['/m/aliases/Canary', { version: '1' }, 422],
    ['/m/aliases/stable', { version: '9' }, 404],
    ['/m/aliases/stable', {}, 422],
    ['/m/default', { version: '9' }, 404],
    ['/m/default', { version: '../1' }, 422],
    ['/none/default', { version: '1' }, 404],
    ['/m/split', shares(['1', 0], ['2', 0]), 422],
    ['/m/split', shares(['1', 1], ['1', 1]), 422],
    ['/m/split', shares(['1', 1], ['9', 1]), 404],
    ['/m/shadow', { version: '2', share: 1.5 }, 422],
    ['/m/shadow', { version: '2' }, 422],
  ])('does not take %s with %j', async (path, body, status) => {
    const before = (await api.call('GET', '/m')).json;
    expect((await api.send('PUT', path, body)).status).toBe(status);
    expect((await api.call('GET', '/m')).json).toEqual(before);
  });

  it('divides requests as it is told', async () => {
    const wanted = shares(['1', 80], ['2', 20]);
    expect((await api.send('PUT', '/m/split', wanted)).json).toMatchObject(wanted);
    const counts = { 1: 0, 2: 0 };
    for (let i = 0; i < 20; i++) {
      const answers = await Promise.all(Array.from({ length: 25 }, () => factor('m')));
      for (const answer of answers) counts[answer as 1 | 2]++;
    }
    // 500 throws of 0.2: a deviation is 8.9, and six of them are met once in 500 million runs.
    expect(Math.abs(counts[2] - 100)).toBeLessThan(54);
    expect(counts[1] + counts[2]).toBe(500);
    expect((await api.call('DELETE', '/m/split')).json).toMatchObject({ split: null });
    expect(await factor('m')).toBe(1);
  });

  it('means the same version for a bulk run that is begun again with its key', async () => {
    await api.send('PUT', '/m/split', shares(['1', 1], ['2', 1]));
    const versions = new Set<string>();
    // Twelve throws are all alike once in two thousand runs, forty once in 500 thousand million.
    for (let i = 0; i < 12 || (versions.size < 2 && i < 40); i++) {
      const begin = () => {
        return ask(`${stack.url}/v1/batches?model=m&seal=false`, { headers: { 'idempotency-key': `run-${i}` } });
      };
      const [first, again] = [await begin(), await begin()];
      expect([first.status, again.status, again.json.id]).toEqual([202, 202, first.json.id]);
      versions.add(first.json.version as string);
    }
    expect(versions.size).toBe(2);
    await api.call('DELETE', '/m/split');
  });
});

it('means on another gateway what it means here, half a second later', async () => {
  const other = await stack.addGateway();
  await until('it has looked', async () => (await factor('m', other.url)) !== 'MODEL_NOT_READY');
  for (const version of ['1', '2', '1']) {
    await api.send('PUT', '/m/default', { version });
    await until('it follows', async () => (await factor('m', other.url)) === Number(version), 2_000);
  }
});
