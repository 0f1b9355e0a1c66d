// Proves: a durable prediction is ended in whatever phase it is, by its caller, by its deadline and by nobody else.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { ask, postJson, type Answer } from '../support/http.js';
import { metric, opsUrl } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const KEYS = { ann: 'slk_' + 'a'.repeat(43), bob: 'slk_' + 'b'.repeat(43) };
const folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
const models = new ModelsFolder().fixtures('slower', 'row_sum');
let stack: Stack;

beforeAll(async () => {
  const lines = Object.entries(KEYS).map(
    ([owner, key]) => `${owner} sha256:${createHash('sha256').update(key).digest('hex')}`,
  );
  writeFileSync(join(folder, 'keys'), `${lines.join('\n')}\n`);
  stack = await Stack.start({
    models: models.path,
    workerEnv: { SLUICE_EXECUTORS: '1' },
    gatewayEnv: {
      SLUICE_API_KEYS: join(folder, 'keys'),
      SLUICE_WEBHOOK_SECRET: SECRET,
      SLUICE_WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    },
  });
  for (const name of ['slower', 'row_sum']) {
    await until(`${name} is ready`, async () => (await get(`/v1/models/${name}/ready`)).status === 200);
  }
});
afterAll(async () => {
  await stack.close();
  models.remove();
  rmSync(folder, { recursive: true });
});

const as = (who: keyof typeof KEYS): Record<string, string> => ({ authorization: `Bearer ${KEYS[who]}` });
const get = (path: string, who: keyof typeof KEYS = 'ann'): Promise<Answer> =>
  ask(stack.url + path, { method: 'GET', headers: as(who) });
const submit = (body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  postJson(`${stack.url}/v1/predictions`, body, { ...as('ann'), ...headers });
const cancel = (id: string): Promise<Answer> => ask(`${stack.url}/v1/predictions/${id}/cancel`, { headers: as('ann') });
const read = async (id: string): Promise<Answer['json']> => (await get(`/v1/predictions/${id}`)).json;
const SLOW = { model: 'slower', input: [1, 2, 3, 4] };
const sealed = (): Promise<number> => metric(opsUrl(stack.workers[0]!), 'sluice_batches_total', { model: 'slower' });

/** One that runs now, for some tenths of a second. */
async function running(): Promise<string> {
  const { json } = await submit(SLOW);
  await until('it runs', async () => (await read(json.id)).status === 'processing');
  return json.id;
}

// First, while the worker does not know yet what a run takes, or it would drop what cannot end in time: that needs
// more than the one run which says how long it is on this machine. A first run may take twice as long as the next.
it('is canceled by its Cancel-After when it ran, and aborted when it never did', async () => {
  const { json: first } = await submit(SLOW, { prefer: 'wait=20' });
  const { json } = await submit(SLOW, { 'cancel-after': `${Math.round(0.45 * first.metrics.infer_ms)}ms` });
  const { id } = json;
  const { json: late } = await submit(SLOW, { 'cancel-after': '30ms' });
  await until('both have ended', async () => (await read(id)).completed_at && (await read(late.id)).completed_at);
  const code = { error_code: 'DEADLINE_EXCEEDED', error: expect.stringMatching(/^DEADLINE_EXCEEDED: /) };
  expect(await read(id)).toMatchObject({ status: 'canceled', state: 'canceled', ...code });
  expect(await read(late.id)).toMatchObject({ status: 'canceled', state: 'aborted', started_at: null, ...code });
});

it('is cancelled while it runs, at once, and its answer is dropped', async () => {
  const id = await running();
  expect((await cancel(id)).json).toMatchObject({ status: 'canceled', state: 'canceled' });
  const { json } = await submit(SLOW, { prefer: 'wait=20' });
  expect(json.status).toBe('succeeded');
  expect(await read(id)).toMatchObject({ status: 'canceled', output: null, attempts: 1 });
});

it('is cancelled while it waits in a batch, and never runs', async () => {
  const before = await sealed();
  await running();
  const waiting = await Promise.all([1, 2, 3].map(() => submit(SLOW)));
  await Promise.all(waiting.map(({ json }) => cancel(json.id)));
  const { json } = await submit(SLOW, { prefer: 'wait=20' });
  expect(json.status).toBe('succeeded');
  for (const each of waiting) expect(await read(each.json.id)).toMatchObject({ state: 'canceled', attempts: 0 });
  expect((await sealed()) - before).toBe(2);
});

it('does not exist for another key, by any route', async () => {
  const { json } = await submit({ model: 'row_sum', input: [1, 2, 3, 4] }, { prefer: 'wait' });
  const path = `/v1/predictions/${json.id}`;
  for (const tail of ['', '/input', '/events', '/deliveries']) {
    expect([tail, (await get(path + tail, 'bob')).status]).toEqual([tail, 404]);
  }
  for (const verb of ['cancel', 'retry']) {
    expect((await ask(`${stack.url}${path}/${verb}`, { headers: as('bob') })).json.code).toBe('PREDICTION_NOT_FOUND');
  }
  expect((await get('/v1/predictions', 'bob')).json.results).toEqual([]);
  expect((await ask(stack.url + path, { method: 'GET' })).json.code).toBe('KEY_REQUIRED');
  // The same idempotency key is another one under another owner.
  const key = { 'idempotency-key': 'shared', prefer: 'wait' };
  const anns = await submit({ model: 'row_sum', input: [1, 0, 0, 0] }, key);
  const bobs = await postJson(
    `${stack.url}/v1/predictions`,
    { model: 'row_sum', input: [2, 0, 0, 0] },
    { ...as('bob'), ...key },
  );
  expect([anns.json.output, bobs.json.output]).toEqual([[1], [2]]);
});

it('tells of its start and its end, each as it was then', async () => {
  const told: Record<string, { type: string; data: Record<string, unknown> }> = {};
  const receiver = createServer((request: IncomingMessage, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = new Webhook(SECRET).verify(Buffer.concat(pieces).toString(), request.headers as never);
      told[String(request.headers['webhook-id'])] = body as never;
      response.writeHead(204).end();
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  try {
    const webhook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook?job=1`;
    const { json } = await submit({ ...SLOW, webhook, webhook_events_filter: ['start', 'completed'] });
    await until('both are told', () => Object.keys(told).length === 2);
    expect(told[`msg_${json.id}_start_0`]).toMatchObject({
      type: 'prediction.started',
      data: { id: json.id, status: 'processing', output: null, completed_at: null },
    });
    expect(told[`msg_${json.id}_completed_0`]).toMatchObject({
      type: 'prediction.completed',
      data: { id: json.id, status: 'succeeded', webhook },
    });
    expect(told[`msg_${json.id}_completed_0`]!.data['output']).not.toBeNull();
  } finally {
    receiver.close();
  }
});
