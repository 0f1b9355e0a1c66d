// Proves: rows beyond the room for what is pending are refused with the count that is safe, and go in later; rows
// outlive the worker that held them.
import { ask } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { ended, results, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('row_sum');
let stack: Stack;
let batches: string;
beforeAll(async () => {
  // A share of 1 GiB: room for some 50 kB.
  stack = await Stack.start({ models: models.path, gatewayEnv: { SLUICE_STORAGE_SHARE: '0.00005' } });
  batches = `${stack.url}/v1/batches`;
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const rows = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => JSON.stringify([from + i, 1, 2, 3]));

it('refuses what there is no room for with the count it has taken, and goes on when rows have run', async () => {
  const worker = stack.workers[0]!;
  worker.kill('SIGKILL');
  await worker.exited;
  const refused = await sendRows(`${batches}?model=row_sum`, rows(0, 1_000));
  expect(refused).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
  expect(refused.headers['retry-after']).toBeDefined();
  const { id, committed } = refused.json as { id: string; committed: number };
  expect(committed).toBeGreaterThanOrEqual(64);
  expect(committed).toBeLessThan(1_000);
  expect((await ask(`${batches}/${id}`, { method: 'GET' })).json).toMatchObject({ status: 'open', committed });

  stack.addWorker();
  let from = committed;
  await until('the rest has gone in', async () => {
    const { status, json } = await sendRows(`${batches}/${id}/rows?from=${from}`, rows(from, 1_000));
    from = json.committed;
    return status === 202;
  });
  expect(await ended(`${batches}/${id}`)).toMatchObject({ committed: 1_000, rows: { succeeded: 1_000, failed: 0 } });
});

it('loses and doubles no row when a worker is killed in the middle', async () => {
  const { json } = await sendRows(`${batches}?model=row_sum&seal=false`, rows(0, 64));
  const worker = stack.workers.at(-1)!;
  let from = 64;
  const killed = until('a chunk is in hand', async () => {
    const { rows: counts } = (await ask(`${batches}/${json.id}`, { method: 'GET' })).json;
    return counts.succeeded > 200;
  }).then(() => worker.kill('SIGKILL'));
  stack.addWorker();
  await until('all are in', async () => {
    const answer = await sendRows(`${batches}/${json.id}/rows?from=${from}`, rows(from, 2_000));
    from = answer.json.committed;
    return answer.status === 202;
  });
  await killed;
  expect(await ended(`${batches}/${json.id}`)).toMatchObject({
    rows: { succeeded: 2_000, starting: 0, processing: 0 },
  });
  const lines = await results(`${batches}/${json.id}`);
  expect(lines.map((line) => line.row)).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
});
