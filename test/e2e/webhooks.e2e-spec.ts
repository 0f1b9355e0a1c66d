// Proves: who submits with a webhook is told of the result, signed with the endpoint's secret, and can see and repeat it.
import { Webhook } from 'standardwebhooks';
import { newSecret } from '#inference';
import { ask, postJson, sevenRow, type Answer } from '../support/http.js';
import { Receiver } from '../support/receiver.js';
import { sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

describe('webhooks over HTTP', () => {
  const secret = newSecret();
  let receiver: Receiver;
  let stack: Stack;
  let endpoints: string;

  beforeAll(async () => {
    receiver = await Receiver.start();
    stack = await Stack.start({
      gatewayEnv: {
        SLUICE_WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
        SLUICE_WEBHOOK_SCHEDULE: '0,50ms',
        SLUICE_DEFAULT_MODEL: 'digits',
      },
      awaits: ['digits'],
    });
    endpoints = `${stack.url}/v1/webhooks/endpoints`;
  });
  afterAll(async () => {
    await stack.close();
    await receiver.close();
  });
  beforeEach(() => receiver.forget());

  const get = (url: string) => ask(url, { method: 'GET' });
  const submit = (webhook: string, body: object = sevenRow()) =>
    postJson(`${stack.url}/v1/predictions`, { model: 'digits', webhook, ...body });
  const deliveriesOf = async (id: string) =>
    (await get(`${stack.url}/v1/predictions/${id}/deliveries`)).json.results as Record<string, unknown>[];

  async function delivered(id: string, state = 'delivered'): Promise<Record<string, unknown>> {
    await until(`${id} is ${state}`, async () => (await deliveriesOf(id))[0]?.['state'] === state);
    return (await deliveriesOf(id))[0]!;
  }

  it('refuses a webhook that could not be signed, or that leads inside', async () => {
    expect(await submit(receiver.url)).toMatchObject({ status: 422, json: { code: 'WEBHOOK_UNSIGNED' } });
    expect(await submit('https://10.0.0.1/')).toMatchObject({ status: 422, json: { code: 'WEBHOOK_REFUSED' } });
    expect(await postJson(endpoints, { url: 'http://192.168.1.1/' })).toMatchObject({
      json: { code: 'WEBHOOK_REFUSED' },
    });
    expect(await postJson(endpoints, { url: receiver.url, secret: 'short' })).toMatchObject({
      json: { code: 'INPUT_INVALID' },
    });
  });

  it('tells a secret that it made once, and never again', async () => {
    const made = await postJson(endpoints, { url: `${receiver.url}/other?x=1` });
    expect(made).toMatchObject({
      status: 200,
      json: { url: `${receiver.url}/other`, has_secret: true, enabled: true },
    });
    expect(made.json.secret).toMatch(/^whsec_/);
    for (const url of [endpoints, `${endpoints}/${made.json.id}`])
      expect((await get(url)).text).not.toContain('whsec_');
    const again = await postJson(endpoints, { url: `${receiver.url}/other`, payload: 'thin' });
    expect(again.json).toMatchObject({ id: made.json.id, payload: 'thin' });
    expect(again.json.secret).toBeUndefined();
    expect((await ask(`${endpoints}/${made.json.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await get(`${endpoints}/${made.json.id}`)).toMatchObject({
      status: 404,
      json: { code: 'ENDPOINT_NOT_FOUND' },
    });
  });

  it('tells of the result as it can be read, and keeps to both secrets while they change', async () => {
    const { id } = (await postJson(endpoints, { url: receiver.url, secret })).json;
    const prediction = (await submit(`${receiver.url}?order=7`)).json.id as string;
    expect(await delivered(prediction)).toMatchObject({ event: 'completed', attempts: 1, log: [{ status: 200 }] });
    const [first] = receiver.requests;
    const told = new Webhook(secret).verify(first!.body, first!.headers as Record<string, string>) as Record<
      string,
      unknown
    >;
    const read = (await get(`${stack.url}/v1/predictions/${prediction}`)).json;
    expect(told).toMatchObject({ type: 'prediction.completed', timestamp: read.completed_at });
    expect(told['data']).toMatchObject({ id: prediction, status: 'succeeded', output: read.output });

    const rotated = await postJson(`${endpoints}/${id}/rotate`, { overlap_seconds: 60 });
    expect(rotated.json.old_secret_until).not.toBeNull();
    await delivered((await submit(receiver.url)).json.id);
    const second = receiver.requests.at(-1)!;
    for (const each of [secret, rotated.json.secret])
      new Webhook(each).verify(second.body, second.headers as Record<string, string>);
    const over = await postJson(`${endpoints}/${id}/rotate`, { overlap_seconds: 0, secret });
    expect(over.json).toMatchObject({ old_secret_until: null });
  });

  it('delivers again what is asked for: one, or what failed in a range of time', async () => {
    const since = new Date(Date.now() - 1_000).toISOString();
    await postJson(endpoints, { url: receiver.url, secret });
    receiver.answer({ status: 500 });
    const ids = [(await submit(receiver.url)).json.id, (await submit(receiver.url)).json.id] as string[];
    for (const id of ids) expect(await delivered(id, 'failed')).toMatchObject({ reason: 'exhausted', attempts: 2 });
    receiver.answer({ status: 200 });
    const [one] = await deliveriesOf(ids[0]!);
    const wrong = await postJson(`${stack.url}/v1/predictions/${ids[1]}/deliveries/${String(one!['id'])}/replay`, {});
    expect(wrong).toMatchObject({ status: 404, json: { code: 'DELIVERY_NOT_FOUND' } });
    const replay = await ask(`${stack.url}/v1/predictions/${ids[0]}/deliveries/${String(one!['id'])}/replay`);
    expect(replay).toMatchObject({ status: 202, json: { replays: 1 } });
    expect(await delivered(ids[0]!)).toMatchObject({ id: one!['id'], replays: 1, attempts: 1 });
    const until = new Date(Date.now() + 1_000).toISOString();
    expect((await postJson(`${stack.url}/v1/webhooks/replay`, { since, until })).json).toEqual({
      replayed: 1,
      disabled: 0,
      cursor: null,
    });
    await delivered(ids[1]!);
    expect((await postJson(`${stack.url}/v1/webhooks/replay`, { since, until })).json).toMatchObject({ replayed: 0 });
    expect(await postJson(`${stack.url}/v1/webhooks/replay`, { since })).toMatchObject({ status: 422 });
  });

  it('shows and repeats the webhook of a bulk run', async () => {
    await postJson(endpoints, { url: receiver.url, secret });
    receiver.answer({ status: 500 });
    const rows = [JSON.stringify(sevenRow())];
    const { json } = await sendRows(`${stack.url}/v1/batches?model=digits`, rows, { 'webhook-url': receiver.url });
    const url = `${stack.url}/v1/batches/${json.id}/deliveries`;
    const becomes = (state: string) =>
      until(`it is ${state}`, async () => (await get(url)).json.results[0]?.state === state);
    await becomes('failed');
    const [delivery, ...others] = (await get(url)).json.results;
    expect(others).toEqual([]);
    expect(delivery).toMatchObject({
      event: 'completed',
      reason: 'exhausted',
      log: [{ status: 500 }, { status: 500 }],
    });
    receiver.answer({ status: 200 });
    const other = (await submit(receiver.url)).json.id as string;
    expect(await ask(`${stack.url}/v1/predictions/${other}/deliveries/${delivery.id}/replay`)).toMatchObject({
      status: 404,
      json: { code: 'DELIVERY_NOT_FOUND' },
    });
    expect(await ask(`${url}/${delivery.id}/replay`)).toMatchObject({ status: 202, json: { replays: 1 } });
    await becomes('delivered');
    const gone = `${stack.url}/v1/batches/b0000000000000000000000/deliveries`;
    for (const answer of [await get(gone), await ask(`${gone}/${delivery.id}/replay`)])
      expect(answer).toMatchObject({ status: 404, json: { code: 'BATCH_NOT_FOUND' } });
  });

  it('gives the same prediction for the same key although its receiver is not to be told any more', async () => {
    const url = `${receiver.url}/gone`;
    await postJson(endpoints, { url, secret });
    receiver.answer({ status: 410 });
    const prediction = { model: 'digits', webhook: url, ...sevenRow() };
    const key = { 'idempotency-key': `"${newSecret()}"` };
    const first = await postJson(`${stack.url}/v1/predictions`, prediction, key);
    await delivered(first.json.id, 'disabled');
    await until('it is refused', async () => (await submit(url)).json.code === 'WEBHOOK_DISABLED');
    const again = await postJson(`${stack.url}/v1/predictions`, prediction, key);
    expect(again).toMatchObject({ status: 200, json: { id: first.json.id } });
    const other = await postJson(`${stack.url}/v1/predictions`, { ...prediction, model: undefined }, key);
    expect(other).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_CONFLICT' } });
  });

  it('gives the same bulk run for the same key although its receiver is not to be told any more', async () => {
    const url = `${receiver.url}/gone-too`;
    await postJson(endpoints, { url, secret });
    const headers = { 'idempotency-key': `"${newSecret()}"`, 'webhook-url': url };
    const send = (): Promise<Answer> =>
      sendRows(`${stack.url}/v1/batches?model=digits&seal=false`, [JSON.stringify(sevenRow())], headers);
    receiver.answer({ status: 410 });
    const { json } = await send();
    await delivered((await submit(url)).json.id, 'disabled');
    await until('it is refused', async () => (await submit(url)).json.code === 'WEBHOOK_DISABLED');
    expect(await send()).toMatchObject({ status: 202, json: { id: json.id } });
  });
});
