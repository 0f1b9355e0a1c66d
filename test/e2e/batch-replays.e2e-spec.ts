// Proves: a bulk run that is begun again by its key is the same one, of the same version, whatever its model's name has
// come to mean; and one that finds no place for its upload is not begun.
import { request, type ClientRequest } from 'node:http';
import { scaling } from '../fixtures/scale-model.js';
import { ask } from '../support/http.js';
import { ModelsApi } from '../support/models-api.js';
import { ModelsFolder } from '../support/models-folder.js';
import { RegisteredModels } from '../support/registered.js';
import { ended, results, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const own = new ModelsFolder().fixtures('add', 'tiny_sentiment');
let stack: Stack;
let models: RegisteredModels;
let batches: string;

beforeAll(async () => {
  stack = await Stack.start({ models: own.path, workers: 0, serves: false });
  models = new RegisteredModels(stack);
  stack.addWorker({ SLUICE_STORE: models.storeDir });
  batches = `${stack.url}/v1/batches`;
  await models.serve({ name: 'm', version: '1', ...scaling(2) });
  await models.serve({ name: 'm', version: '2', ...scaling(3) });
});
afterAll(async () => {
  await stack.close();
  await models.close();
  own.remove();
});

const means = (version: string): Promise<void> => new ModelsApi(stack.url).makeDefault('m', version);

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

it.each(['application/jsonl', 'application/zip'])(
  'is not begun where there is no place for its upload, and says of one that is there what is safe (%s)',
  async (type) => {
    const begun = await sendRows(`${batches}?model=m&version=1&seal=false`, ['[1, 1, 1, 1]']);
    const count = async (): Promise<number> => (await ask(batches, { method: 'GET' })).json.results.length as number;
    const before = await count();
    // Archives come whole before they are read, and hold a place as they come.
    const model = type === 'application/zip' ? 'tiny_sentiment' : 'm&version=1';
    const hanging: ClientRequest[] = Array.from({ length: 6 }, () => {
      const sent = request(`${batches}?model=${model}`, { method: 'POST', headers: { 'content-type': type } });
      sent.on('error', () => undefined);
      sent.write('[1, 1');
      return sent;
    });
    let refused = begun;
    await until('all have their places', async () => {
      refused = await sendRows(`${batches}/${begun.json.id}/rows?from=1&seal=false`, ['[1, 1, 1, 1]']);
      return refused.status === 503;
    });
    const { id } = begun.json;
    const { committed } = (await ask(`${batches}/${id}`, { method: 'GET' })).json;
    expect(refused.json).toMatchObject({ code: 'CAPACITY_EXHAUSTED', id, committed });
    const all = await count();
    expect(all).toBe(before + (type === 'application/zip' ? 0 : 6));
    const another = await sendRows(`${batches}?model=m&version=1`, ['[1, 1, 1, 1]']);
    expect(another).toMatchObject({ status: 503, json: { code: 'CAPACITY_EXHAUSTED' } });
    expect(await count()).toBe(all);
    for (const sent of hanging) sent.destroy();
    await until('there are places again', async () => {
      const { status } = await sendRows(`${batches}/${id}/rows`, ['[1, 1, 1, 1]']);
      return status === 202;
    });
  },
);

it('refuses headers that would say nothing, and an end behind rows that are not there', async () => {
  const { id } = (await sendRows(`${batches}?model=m&version=1&seal=false`, ['[1, 1, 1, 1]'])).json;
  for (const header of ['idempotency-key', 'webhook-url', 'cancel-after']) {
    const refused = await sendRows(`${batches}/${id}/rows`, ['[1, 1, 1, 1]'], { [header]: '1h' });
    expect([header, refused.status, refused.json.code]).toEqual([header, 400, 'HEADER_INVALID']);
  }
  const beyond = await ask(`${batches}/${id}/rows?from=9`);
  expect(beyond).toMatchObject({ status: 409, json: { code: 'STATE_CONFLICT', id, committed: 1 } });
});

it('can be closed when its version has gone', async () => {
  const { id } = (await sendRows(`${batches}?model=m&version=1&seal=false`, ['[1, 1, 1, 1]'])).json;
  await until(
    'its row has run',
    async () => (await ask(`${batches}/${id}`, { method: 'GET' })).json.rows.succeeded === 1,
  );
  expect((await ask(`${stack.url}/v1/models/m/versions/1?force=true`, { method: 'DELETE' })).status).toBe(200);
  await until('m:1 has gone', async () => (await models.registry.removed()).length === 0);
  expect(await ask(`${batches}/${id}/rows`)).toMatchObject({ status: 202, json: { status: 'completed' } });
});
