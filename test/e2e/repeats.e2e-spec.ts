// Proves: a request that is sent again with its key, or under its own id, is the same prediction or bulk run, although its
// model's name has come to mean a version that has another input, and its own version has been removed.
import { scaling } from '../fixtures/scale-model.js';
import { ask, form, type Answer } from '../support/http.js';
import { ModelsApi } from '../support/models-api.js';
import { ModelsFolder } from '../support/models-folder.js';
import { RegisteredModels } from '../support/registered.js';
import { ended, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const own = new ModelsFolder().fixtures('add');
const JSON_BODY = { 'content-type': 'application/json' };
const KEY = { 'idempotency-key': 'sent-again', prefer: 'wait' };
let stack: Stack;
let models: RegisteredModels;

beforeAll(async () => {
  stack = await Stack.start({ models: own.path, workers: 0, serves: false });
  models = new RegisteredModels(stack);
  stack.addWorker({ SLUICE_STORE: models.storeDir });
  await models.serve({ name: 'm', version: '1', ...scaling(2) });
  await models.serve({ name: 'm', version: '2', ...scaling(2, 'other') });
});
afterAll(async () => {
  await stack.close();
  await models.close();
  own.remove();
});

const means = (version: string): Promise<void> => new ModelsApi(stack.url).makeDefault('m', version);

const json = (path: string, content: object, { method = 'POST', headers = {} } = {}): Promise<Answer> =>
  ask(`${stack.url}${path}`, {
    method,
    headers: { ...JSON_BODY, prefer: 'wait', ...headers },
    body: JSON.stringify(content),
  });

/** With another boundary each time that it is sent. */
function asForm(input: number[]): Promise<Answer> {
  const sent = form([{ name: 'data', content: JSON.stringify({ input }) }]);
  const headers = { ...sent.headers, ...KEY, 'idempotency-key': 'form' };
  return ask(`${stack.url}/predict/m`, { ...sent, headers });
}

const WAYS: Record<string, (numbers: number[]) => Promise<Answer>> = {
  'by its key': (input) => json('/v1/predictions', { model: 'm', input }, { headers: KEY }),
  'by the key of a version': (input) =>
    json('/v1/predictions', { model: 'm', version: '1', input }, { headers: { 'idempotency-key': 'of-a-version' } }),
  'under its own id': (input) => json('/v1/predictions/mine', { model: 'm', input }, { method: 'PUT' }),
  'as a form': asForm,
};

it('is the same one, and another request is refused', async () => {
  await means('1');
  const first = new Map<string, Answer>();
  for (const [way, send] of Object.entries(WAYS)) first.set(way, await send([1, 1, 1, 1]));
  const run = { 'idempotency-key': 'rows' };
  const batch = await sendRows(`${stack.url}/v1/batches?model=m`, ['[1, 1, 1, 1]'], run);
  await ended(`${stack.url}/v1/batches/${batch.json.id}`);
  await means('2');
  expect((await ask(`${stack.url}/v1/models/m/versions/1?force=true`, { method: 'DELETE' })).status).toBe(200);
  await until('m:1 has gone', async () => (await models.registry.removed()).length === 0);
  for (const [way, send] of Object.entries(WAYS)) {
    const again = await send([1, 1, 1, 1]);
    expect([way, again.status, again.headers['idempotent-replayed']]).toEqual([way, 200, 'true']);
    expect(again.json.id).toBe(first.get(way)!.json.id);
    expect(again.json.output).toEqual(first.get(way)!.json.output);
    expect([way, (await send([1, 1, 1, 2])).json.code]).toEqual([way, 'IDEMPOTENCY_CONFLICT']);
  }
  expect(await sendRows(`${stack.url}/v1/batches?model=m`, ['[1, 1, 1, 1]'], run)).toMatchObject({
    status: 202,
    json: { id: batch.json.id, version: '1', status: 'completed' },
  });
  // Before its version, which is gone, is looked for.
  expect(await sendRows(`${stack.url}/v1/batches?model=m&version=1`, ['[1, 1, 1, 1]'], run)).toMatchObject({
    status: 422,
    json: { code: 'IDEMPOTENCY_CONFLICT' },
  });
});
