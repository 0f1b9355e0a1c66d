// Proves: a bulk run that is begun again by its key is the same one, of the same version, whatever its model's name has
// come to mean; and one that finds no place for its upload is not begun.
import { request, type ClientRequest } from 'node:http';
import { scaleModel } from '../fixtures/scale-model.js';
import { ask } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { RegisteredModels } from '../support/registered.js';
import { ended, results, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const own = new ModelsFolder().fixtures('add');
let stack: Stack;
let models: RegisteredModels;
let batches: string;

beforeAll(async () => {
  stack = await Stack.start({ models: own.path, workers: 0, serves: false });
  models = new RegisteredModels(stack);
  stack.addWorker({ SLUICE_STORE: models.storeDir });
  batches = `${stack.url}/v1/batches`;
  const x = { name: 'x', dtype: 'float32' as const, shape: [null, 4] };
  for (const [version, factor] of [
    ['1', 2],
    ['2', 3],
  ] as const) {
    const description = { inputs: [x], outputs: [{ ...x, name: 'y' }] };
    await models.add({ name: 'm', version, from: scaleModel(factor), description });
    await until(`m:${version} is ready`, async () => (await models.states('m', version)).includes('ready'));
  }
});
afterAll(async () => {
  await stack.close();
  await models.close();
  own.remove();
});

const means = async (version: string): Promise<void> => {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ version });
  const answer = await ask(`${stack.url}/v1/models/m/default`, { method: 'PUT', headers, body });
  expect(answer.status).toBe(200);
};

it('goes on with its version although another has become the default', async () => {
  const headers = { 'idempotency-key': 'begun-again' };
  await means('1');
  const first = await sendRows(`${batches}?model=m&seal=false`, ['[1, 1, 1, 1]'], headers);
  expect(first.json).toMatchObject({ version: '1', committed: 1 });
  await means('2');
  const again = await sendRows(`${batches}?model=m`, ['[1, 1, 1, 1]', '[2, 2, 2, 2]'], headers);
  expect(again.json).toMatchObject({ id: first.json.id, version: '1', committed: 2 });
  await ended(`${batches}/${first.json.id}`);
  expect((await results(`${batches}/${first.json.id}`)).map((line) => line.output?.[0])).toEqual([2, 4]);
});

it('is not begun where there is no place for its upload, and says of one that is there what is safe', async () => {
  const begun = await sendRows(`${batches}?model=m&version=1&seal=false`, ['[1, 1, 1, 1]']);
  const hanging: ClientRequest[] = Array.from({ length: 6 }, () => {
    const headers = { 'content-type': 'application/jsonl' };
    const sent = request(`${batches}?model=m&version=1`, { method: 'POST', headers });
    sent.on('error', () => undefined);
    sent.write('[1, 1');
    return sent;
  });
  const count = async (): Promise<number> => (await ask(batches, { method: 'GET' })).json.results.length as number;
  await until('all have their places', async () => (await count()) === 8);
  const refused = await sendRows(`${batches}?model=m&version=1`, ['[1, 1, 1, 1]']);
  expect(refused).toMatchObject({ status: 503, json: { code: 'CAPACITY_EXHAUSTED' } });
  expect(await count()).toBe(8);
  const more = await sendRows(`${batches}/${begun.json.id}/rows?from=1`, ['[1, 1, 1, 1]']);
  expect(more).toMatchObject({ status: 503, json: { id: begun.json.id, committed: 1 } });
  for (const sent of hanging) sent.destroy();
  await until('there are places again', async () => {
    const { status } = await sendRows(`${batches}/${begun.json.id}/rows?from=1`, ['[1, 1, 1, 1]']);
    return status === 202;
  });
});
