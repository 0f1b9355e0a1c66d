// Proves: rows of a bulk run are each run once and told in order, whatever breaks on the way in.
import { Redis } from 'ioredis';
import { keysUnder, newSecret } from '#inference';
import { ask } from '../support/http.js';
import { Receiver } from '../support/receiver.js';
import { ModelsFolder } from '../support/models-folder.js';
import { breakOff, ended, results, sendRows, type ResultLine } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().digits().fixtures('row_sum', 'slow');
let stack: Stack;
let batches: string;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    gatewayEnv: {
      SLUICE_DEFAULT_MODEL: 'digits',
      SLUICE_MAX_BATCH_BYTES: '200000',
      SLUICE_WEBHOOK_SECRET: newSecret(),
      SLUICE_WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    },
    awaits: ['row_sum', 'slow'],
  });
  batches = `${stack.url}/v1/batches`;
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const rows = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => JSON.stringify({ input: [from + i, 1, 2, 3] }));
const sums = (from: number, to: number): number[][] => Array.from({ length: to - from }, (_, i) => [from + i + 6]);
const read = async (id: string) => (await ask(`${batches}/${id}`, { method: 'GET' })).json;

it('runs every row and tells the results in their order', async () => {
  const { status, headers, json } = await sendRows(`${batches}?model=row_sum`, rows(0, 500));
  expect(status).toBe(202);
  expect(json).toMatchObject({ model: 'row_sum', version: '1', committed: 500 });
  expect(headers['location']).toBe(`${batches}/${json.id}`);
  const batch = await ended(`${batches}/${json.id}`);
  expect(batch).toMatchObject({ status: 'completed', eta_ms: null, rows: { succeeded: 500, failed: 0, starting: 0 } });
  const lines = await results(`${batches}/${json.id}`);
  expect(lines.map((line) => line.row)).toEqual(Array.from({ length: 500 }, (_, i) => i));
  expect(lines.map((line) => line.output)).toEqual(sums(0, 500));
});

it('takes rows bare, with an input and with an id of their own, and lets a bad one fail alone', async () => {
  const lines = [
    '[1, 1, 1, 1]',
    '{"input": [2, 2, 2, 2]}',
    '',
    '{"custom_id": "mine", "input": [3, 3, 3, 3]}',
    '{"custom_id": "bad", "input": [3, 3]}',
    'no json',
    '{"custom_id": "x", "inputs": [[1, 1, 1, 1]]}',
    '[5, 5, 5, 5]',
    '{"custom_id": 9007199254740991, "input": [6, 6, 6, 6]}',
    // Would come back as 9007199254740992.
    '{"custom_id": 9007199254740993, "input": [7, 7, 7, 7]}',
    // Half an emoji, in an id and in what an error tells.
    '{"custom_id": "caf\\udce9", "input": [8, 8, 8, 8]}',
    '{"custom_id": "y", "\\ud83d": [8, 8, 8, 8]}',
    '[9, 9, 9, 9]',
  ];
  const { json } = await sendRows(`${batches}?model=row_sum`, lines);
  expect(await ended(`${batches}/${json.id}`)).toMatchObject({ committed: 12, rows: { succeeded: 6, failed: 6 } });
  const found = await results(`${batches}/${json.id}`);
  expect(found.map((line) => line.output?.[0] ?? line.error!.code)).toEqual([
    4,
    8,
    12,
    'INPUT_INVALID',
    'JSON_MALFORMED',
    'INPUT_INVALID',
    20,
    24,
    'INPUT_INVALID',
    'INPUT_INVALID',
    'INPUT_INVALID',
    36,
  ]);
  const ids = [
    undefined,
    undefined,
    'mine',
    'bad',
    undefined,
    'x',
    undefined,
    '9007199254740991',
    undefined,
    undefined,
    'y',
    undefined,
  ];
  expect(found.map((line) => line.custom_id)).toEqual(ids);
});

it('refuses what a bulk run would ignore', async () => {
  const headers = { 'content-type': 'application/jsonl', 'webhook-url': 'http://127.0.0.1:9/' };
  for (const more of [{ 'cancel-after': '5m' }, { 'webhook-events': 'start' }] as Record<string, string>[]) {
    const answer = await ask(`${batches}?model=row_sum`, { headers: { ...headers, ...more }, body: '[1, 1, 1, 1]' });
    expect(answer).toMatchObject({ status: 400, json: { code: 'HEADER_INVALID' } });
  }
});

it('completes although none of its rows could be read, and fails each with its reason', async () => {
  const { json } = await sendRows(`${batches}?model=row_sum`, ['x', '[1]']);
  expect(await ended(`${batches}/${json.id}`)).toMatchObject({
    status: 'completed',
    rows: { failed: 2, succeeded: 0 },
  });
  expect((await results(`${batches}/${json.id}`)).map((line) => line.error!.code)).toEqual([
    'JSON_MALFORMED',
    'INPUT_INVALID',
  ]);
});

it('goes on where a broken upload ended, with each row once', async () => {
  const { json } = await sendRows(`${batches}?model=row_sum&seal=false`, []);
  const all = rows(0, 300);
  const upload = `${batches}/${json.id}/rows`;
  await breakOff(`${upload}?from=0`, all.slice(0, 200), async () => (await read(json.id)).committed >= 128);
  await until('what was read is safe', async () => (await read(json.id)).committed === 200);
  expect(await read(json.id)).toMatchObject({ status: 'open' });
  const again = await sendRows(`${upload}?from=150`, all.slice(150));
  expect(again).toMatchObject({ status: 202, json: { committed: 300 } });
  await ended(`${batches}/${json.id}`);
  expect((await results(`${batches}/${json.id}`)).map((line) => line.output)).toEqual(sums(0, 300));
});

it('refuses rows that leave a gap, that are too many bytes, and that come after the last, each with the count', async () => {
  const { json } = await sendRows(`${batches}?model=row_sum&seal=false`, rows(0, 10));
  const upload = `${batches}/${json.id}/rows`;
  const gap = await sendRows(`${upload}?from=11`, rows(11, 12));
  expect(gap).toMatchObject({ status: 409, json: { code: 'STATE_CONFLICT', id: json.id, committed: 10 } });
  const declared = await sendRows(upload, ['x'.repeat(200_000)]);
  expect(declared).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
  const many = rows(10, 10_010).join('\n');
  const chunked = await fetch(`${upload}?from=10`, {
    method: 'POST',
    headers: { 'content-type': 'application/jsonl' },
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(many));
        controller.close();
      },
    }),
    duplex: 'half',
  });
  const problem = (await chunked.json()) as { code: string; committed: number };
  expect(problem.code).toBe('BODY_TOO_LARGE');
  expect(problem.committed).toBeGreaterThan(1_000);
  const rest = await sendRows(`${upload}?from=${problem.committed}`, rows(problem.committed, problem.committed + 5));
  expect(rest.json.committed).toBe(problem.committed + 5);
  expect(await sendRows(upload, rows(0, 1))).toMatchObject({
    status: 409,
    json: { code: 'STATE_CONFLICT', committed: problem.committed + 5 },
  });
  const batch = await ended(`${batches}/${json.id}`);
  expect(batch.rows.succeeded).toBe(problem.committed + 5);
});

it('is the same batch for the same Idempotency-Key, and takes only what it lacks', async () => {
  const headers = { 'idempotency-key': 'once' };
  const first = await sendRows(`${batches}?model=row_sum&seal=false`, rows(0, 70), headers);
  const second = await sendRows(`${batches}?model=row_sum`, rows(0, 100), headers);
  expect(second.json).toMatchObject({ id: first.json.id, committed: 100 });
  const third = await sendRows(`${batches}?model=row_sum`, rows(0, 100), headers);
  expect(third).toMatchObject({ status: 202, json: { id: first.json.id, committed: 100 } });
  expect(await sendRows(`${batches}?model=slow`, rows(0, 1), headers)).toMatchObject({
    status: 422,
    json: { code: 'IDEMPOTENCY_CONFLICT' },
  });
  await ended(`${batches}/${first.json.id}`);
  expect((await results(`${batches}/${first.json.id}`)).map((line) => line.output)).toEqual(sums(0, 100));
});

it('tells its webhook once, at its end', async () => {
  const receiver = await Receiver.start();
  try {
    const headers = { 'webhook-url': receiver.url };
    const { json } = await sendRows(`${batches}?model=row_sum`, rows(0, 200), headers);
    await until('it was told', () => receiver.requests.length > 0);
    const [told] = receiver.requests;
    expect(JSON.parse(told!.body)).toMatchObject({
      type: 'batch.completed',
      data: { id: json.id, status: 'completed', rows: { succeeded: 200 }, webhook: receiver.url },
    });
    expect(told!.headers['webhook-id']).toBe(`msg_${json.id}_completed_0`);
    expect(
      (await sendRows(`${batches}?model=row_sum`, rows(0, 1), { 'webhook-url': 'http://10.0.0.1/' })).json.code,
    ).toBe('WEBHOOK_REFUSED');
    expect(receiver.requests).toHaveLength(1);
  } finally {
    await receiver.close();
  }
});

it('can be cancelled: what has not run is canceled, and no row is left in between', async () => {
  const { json } = await sendRows(`${batches}?model=slow`, rows(0, 400));
  await until('something runs', async () => (await read(json.id)).rows.processing > 0);
  const cancelled = await ask(`${batches}/${json.id}/cancel`);
  expect(cancelled.json).toMatchObject({ status: 'canceled', rows: { starting: 0, processing: 0 } });
  const { succeeded, canceled } = cancelled.json.rows as { succeeded: number; canceled: number };
  expect(succeeded + canceled).toBe(400);
  expect(canceled).toBeGreaterThan(0);
  const lines = await results(`${batches}/${json.id}`);
  expect(lines.filter((line) => line.status === 'canceled')).toHaveLength(canceled);
  expect((await ask(`${batches}/${json.id}/cancel`)).json).toMatchObject({ status: 'canceled' });
});

it('shows where each row stands while it runs, and the results up to the first that has not ended', async () => {
  const { json } = await sendRows(`${batches}?model=row_sum&seal=false`, rows(0, 64));
  await until('the first chunk has ended', async () => (await read(json.id)).rows.succeeded === 64);
  const worker = stack.workers[0]!;
  worker.kill('SIGSTOP');
  const url = `${batches}/${json.id}`;
  await sendRows(`${url}/rows?from=64`, rows(64, 200));
  const page = async (cursor: number) => (await ask(`${url}/rows?cursor=${cursor}&limit=90`, { method: 'GET' })).json;
  const first = await page(0);
  expect(first).toMatchObject({ next: 90 });
  expect(first.results.map((line: ResultLine) => line.status)).toEqual([
    ...Array.from({ length: 64 }, () => 'succeeded'),
    ...Array.from({ length: 26 }, () => 'starting'),
  ]);
  const last = await page(180);
  expect(last.next).toBeNull();
  expect(last.results.map((line: ResultLine) => line.row)).toEqual(Array.from({ length: 20 }, (_, i) => 180 + i));
  const prefix = await results(url, '?ended=true&from=60');
  expect(prefix.map((line) => line.output)).toEqual(sums(60, 64));
  expect(await results(url)).toHaveLength(200);
  worker.kill('SIGCONT');
  expect(await ended(url)).toMatchObject({ status: 'completed', rows: { succeeded: 200 } });
});

it('tells of rows whose record is no longer kept that they are removed, and leaves none out', async () => {
  const { json } = await sendRows(`${batches}?model=row_sum`, rows(0, 150));
  const url = `${batches}/${json.id}`;
  await ended(url);
  const redis = new Redis(stack.redisUrl);
  const keys = keysUnder(stack.prefix);
  const [, second] = await redis.zrange(keys.chunks(json.id), '0', '-1');
  await redis.del(keys.prediction(second!));
  redis.disconnect();
  const lines = await results(url, '?from=60&ended=true');
  expect(lines.map((line) => line.row)).toEqual(Array.from({ length: 90 }, (_, i) => 60 + i));
  const removed = lines.slice(4, 68);
  expect(removed).toEqual(removed.map(({ row }) => ({ row, status: 'removed', data_removed: true })));
  expect([...lines.slice(0, 4), ...lines.slice(68)].map((line) => line.status)).toEqual(Array(26).fill('succeeded'));
  const page = (await ask(`${url}/rows?cursor=126&limit=3`, { method: 'GET' })).json;
  expect(page.results.map((line: ResultLine) => line.status)).toEqual(['removed', 'removed', 'succeeded']);
});

it('is listed, the newest first, and is not there under an id that is not one', async () => {
  const { json } = await ask(`${batches}?limit=2`, { method: 'GET' });
  const rest = await ask(`${batches}?limit=2&cursor=${json.next}`, { method: 'GET' });
  const created = [...json.results, ...rest.json.results].map((batch: { created_at: string }) => batch.created_at);
  expect(created).toHaveLength(4);
  expect(created).toEqual([...created].sort().reverse());
  const last = await ask(`${batches}?cursor=${rest.json.results.at(-1).id}&limit=100`, { method: 'GET' });
  expect(last.json.next).toBeNull();
  // An empty page would be taken for the end.
  expect(await ask(`${batches}?cursor=bnone`, { method: 'GET' })).toMatchObject({
    status: 422,
    json: { code: 'INPUT_INVALID', detail: expect.stringContaining('without a cursor') },
  });
  expect(await ask(`${batches}/bnone`, { method: 'GET' })).toMatchObject({
    status: 404,
    json: { code: 'BATCH_NOT_FOUND' },
  });
});

it.each([
  { what: 'no such model', query: '?model=nope', expected: [404, 'MODEL_NOT_FOUND'] },
  { what: 'an unknown member of the query', query: '?modle=row_sum', expected: [422, 'INPUT_INVALID'] },
  { what: 'no rows', lines: [], expected: [400, 'BODY_EMPTY'] },
  {
    what: 'JSON that is no lines',
    headers: { 'content-type': 'application/json' },
    expected: [415, 'MEDIA_TYPE_UNSUPPORTED'],
  },
  { what: 'a packed body', headers: { 'content-encoding': 'gzip' }, expected: [415, 'BODY_ENCODING_UNSUPPORTED'] },
])('refuses $what', async ({ query = '?model=row_sum', lines = ['[1]'], headers = {}, expected }) => {
  const { status, json } = await sendRows(batches + query, lines, headers);
  expect([status, json.code]).toEqual(expected);
});
