/** Submit now, look later: durable predictions over HTTP, with real workers. */
import { ask, form, postJson, seven, sevenRow, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { endOf } from '../support/predictions.js';
import { Stack } from '../support/stack.js';

const JSON_BODY = { 'content-type': 'application/json' };

describe('a durable prediction', () => {
  let stack: Stack;
  const models = new ModelsFolder().digits().fixtures('row_sum', 'gather_crash');

  beforeAll(async () => {
    stack = await Stack.start({
      models: models.path,
      gatewayEnv: { SLUICE_DEFAULT_MODEL: 'digits', SLUICE_DURABLE_ATTEMPTS: '2' },
      workerEnv: { SLUICE_EXECUTORS: '1' },
      awaits: ['digits', 'row_sum', 'gather_crash'],
    });
  });
  afterAll(async () => {
    await stack.close();
    models.remove();
  });

  const submit = (body: object, headers: Record<string, string> = {}): Promise<Answer> =>
    postJson(`${stack.url}/v1/predictions`, body, headers);
  const get = (path: string): Promise<Answer> => ask(stack.url + path, { method: 'GET' });
  const post = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(stack.url + path, { headers });
  const sum = (...values: number[]): object => ({ model: 'row_sum', input: values });

  const ended = (id: string): Promise<Answer['json']> => endOf(stack.url, id);

  it('is a 202 with where to look, and then there with its answer', async () => {
    const sent = form([{ name: 'file', filename: 'seven.png', content: seven() }]);
    const headers = { ...sent.headers, prefer: 'respond-async' };
    const answer = await ask(`${stack.url}/predict`, { ...sent, headers });
    expect(answer.status).toBe(202);
    expect(answer.headers).toMatchObject({ 'preference-applied': 'respond-async', 'retry-after': '1' });
    expect(answer.headers['location']).toBe(`${stack.url}/v1/predictions/${answer.json.id}`);
    expect(answer.json).toMatchObject({ status: 'starting', model: 'digits', version: 'digits:1', output: null });
    const object = await ended(answer.json.id);
    expect(object).toMatchObject({
      status: 'succeeded',
      attempts: 1,
      error: null,
      output: { prediction: 7, label: '7' },
    });
    expect(object.metrics).toMatchObject({ batch_size: 1, release_reason: 'greedy' });
  });

  it('answers as /predict does where its caller waits, and as the object on /v1/predictions', async () => {
    const plain = await postJson(`${stack.url}/predict`, sevenRow(), { prefer: 'wait=30' });
    expect(plain.status).toBe(200);
    expect(plain.headers['preference-applied']).toBe('wait=30');
    expect(plain.json).toMatchObject({ prediction: 7, model: 'digits', version: '1' });
    const object = await submit(sum(1, 2, 3, 4), { prefer: 'wait' });
    expect(object.status).toBe(201);
    expect(object.json).toMatchObject({ status: 'succeeded', input: [1, 2, 3, 4], output: [10] });
  });

  it.each([
    [
      'inputs',
      {
        model: 'row_sum',
        inputs: [
          [1, 2, 3, 4],
          [5, 6, 7, 8],
        ],
      },
      [[10], [26]],
    ],
    ['tensors', { version: 'row_sum:1', tensors: { x: [[1, 1, 1, 1]] } }, { sum: [[4]] }],
  ])('takes %s and gives them back as they came', async (name, body, output) => {
    const answer = await submit(body, { prefer: 'wait' });
    expect(answer.json).toMatchObject({ output });
    expect(answer.json.input).toEqual((body as Record<string, unknown>)[name]);
  });

  it('is a problem, and never a 200, for a caller of /predict whose input fails', async () => {
    const headers = { 'content-type': 'image/png', prefer: 'wait=30' };
    const answer = await ask(`${stack.url}/predict`, { headers, body: seven().subarray(0, 100) });
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({ code: 'IMAGE_UNDECODABLE' });
    expect(await ended(String(answer.headers['location']).split('/').at(-1)!)).toMatchObject({
      status: 'failed',
      error_code: 'IMAGE_UNDECODABLE',
    });
  });

  it('is the same one for the same key, while it runs and after it has ended, and for no other request', async () => {
    const key = { 'idempotency-key': `"k-${Math.random()}"` };
    const all = await Promise.all([1, 2, 3].map(() => submit(sum(1, 1, 1, 1), key)));
    expect(new Set(all.map((answer) => answer.json.id)).size).toBe(1);
    await ended(all[0]!.json.id);
    const later = await submit(sum(1, 1, 1, 1), { ...key, prefer: 'wait' });
    expect(later.status).toBe(200);
    expect(later.headers['idempotent-replayed']).toBe('true');
    expect(later.json).toMatchObject({ id: all[0]!.json.id, attempts: 1, output: [4] });
    const other = await submit(sum(1, 1, 1, 2), key);
    expect([other.status, other.json.code]).toEqual([422, 'IDEMPOTENCY_CONFLICT']);
  });

  it('may have an id of its client, under which it is put and read', async () => {
    const id = `order-${Math.random()}`;
    const put = (values: number[]): Promise<Answer> =>
      ask(`${stack.url}/v1/predictions/${id}`, {
        method: 'PUT',
        headers: { ...JSON_BODY, prefer: 'wait' },
        body: JSON.stringify(sum(...values)),
      });
    expect((await put([1, 2, 3, 4])).json).toMatchObject({ id, status: 'succeeded', output: [10] });
    expect((await put([1, 2, 3, 4])).json).toMatchObject({ id, attempts: 1 });
    expect((await put([4, 4, 4, 4])).json).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    const { json } = await get(`/v1/predictions/${id}`);
    expect(json).toMatchObject({ id, output: [10] });
    const told = (await get(`/v1/predictions/${id}/events`)).text;
    const ids = [...told.matchAll(/^data: (.*)$/gm)].map(([, data]) => (JSON.parse(data!) as { id: string }).id);
    expect(ids).toEqual([id, id, id]);
  });

  it('may have an id of 128 characters, and none of more', async () => {
    const put = (id: string): Promise<Answer> =>
      ask(`${stack.url}/v1/predictions/${id}`, {
        method: 'PUT',
        headers: { ...JSON_BODY, prefer: 'wait' },
        body: JSON.stringify(sum(1, 2, 3, 4)),
      });
    const id = `${Math.random()}`.padEnd(128, 'x');
    expect((await put(id)).json).toMatchObject({ id, output: [10] });
    expect((await get(`/v1/predictions/${id}`)).json).toMatchObject({ id, output: [10] });
    expect((await put(`${id}x`)).json).toMatchObject({ code: 'INPUT_INVALID', detail: expect.stringContaining('128') });
  });

  it('gives its input back as it was sent', async () => {
    const headers = { 'content-type': 'image/png', prefer: 'respond-async' };
    const { json } = await ask(`${stack.url}/predict`, { headers, body: seven() });
    expect(json.input).toEqual({ url: json.urls.input });
    const input = await fetch(json.urls.input);
    expect(Buffer.from(await input.arrayBuffer()).equals(seven())).toBe(true);
  });

  it('that fails in a way that may pass is tried again, and then a dead letter that can be redriven and purged', async () => {
    const bad = { model: 'gather_crash', input: [1_000_000] };
    const { json } = await submit(bad, { prefer: 'wait=30' });
    expect(json).toMatchObject({ status: 'failed', error_code: 'MODEL_RUN_FAILED', attempts: 2 });
    expect(json.dead_letter).toMatchObject({
      reason: 'exhausted',
      input_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await get('/v1/dead-letters')).json).toMatchObject({ total: 1, results: [{ id: json.id }] });
    expect((await post(`/v1/dead-letters/${json.id}/redrive`)).status).toBe(202);
    expect((await get('/v1/dead-letters')).json.total).toBe(0);
    expect(await ended(json.id)).toMatchObject({ status: 'failed', attempts: 2 });
    expect((await post('/v1/dead-letters/redrive')).json).toEqual({ redriven: 1, gone: 0, refused: 0, remaining: 0 });
    await ended(json.id);
    expect((await ask(`${stack.url}/v1/dead-letters/${json.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await get('/v1/dead-letters')).json.total).toBe(0);
    expect(await ended(json.id)).toMatchObject({ status: 'failed' });
  });

  it('can be tried again by hand once it has failed, and not while it runs or after it succeeded', async () => {
    const { json: good } = await submit(sum(1, 2, 3, 4), { prefer: 'wait' });
    const refused = await post(`/v1/predictions/${good.id}/retry`);
    expect([refused.status, refused.json.code]).toEqual([409, 'STATE_CONFLICT']);
    const { json: bad } = await submit({ model: 'gather_crash', input: [1_000_000] }, { prefer: 'wait=30' });
    expect((await post(`/v1/predictions/${bad.id}/retry`)).json).toMatchObject({
      id: bad.id,
      attempts: 0,
      error: null,
    });
    expect(await ended(bad.id)).toMatchObject({ status: 'failed', attempts: 2 });
  });

  it('is listed, the newest first, in pages and by filters', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await submit(sum(i, 0, 0, 0), { prefer: 'wait' })).json.id);
    const seen: string[] = [];
    let next: string | null = `${stack.url}/v1/predictions?limit=2&model=row_sum&status=succeeded`;
    for (let page = 0; next !== null && page < 3; page++) {
      const { json } = await ask(next, { method: 'GET' });
      seen.push(...json.results.map((each: { id: string }) => each.id));
      next = json.next;
    }
    expect(seen.slice(0, 5)).toEqual(ids);
    const none = await get('/v1/predictions?created_before=2020-01-01T00:00:00Z');
    expect(none.json).toEqual({ next: null, previous: null, results: [] });
    // A cursor that nobody gave out leads no further forward than the filter.
    const past = await get('/v1/predictions?created_before=2020-01-01T00:00:00Z&cursor=999999999999999.x');
    expect(past.json.results).toEqual([]);
    expect((await get('/v1/predictions?limit=0')).json.code).toBe('INPUT_INVALID');
    expect((await get('/v1/predictions?created_after=2020-01-01T01:00:00.5%2B01:00')).status).toBe(200);
    for (const time of ['5', '0', '2026-02-30T00:00:00Z', '2026-01-31', '2026-01-31T12:00:00'])
      expect((await get(`/v1/predictions?created_after=${time}`)).json.code).toBe('INPUT_INVALID');
  });

  it('tells its transitions as server-sent events, from the last one that the reader has', async () => {
    const { json } = await submit(sum(9, 0, 0, 0), { prefer: 'wait' });
    const all = await (await fetch(json.urls.stream)).text();
    expect([...all.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)).toEqual([
      'starting',
      'processing',
      'succeeded',
    ]);
    const rest = await (await fetch(json.urls.stream, { headers: { 'last-event-id': '2' } })).text();
    expect([...rest.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual(['3']);
    expect(rest).toContain('"output":[9]');
    // An EventSource that comes again although it has the end is told to stop.
    const none = await fetch(json.urls.stream, { headers: { 'last-event-id': '3' } });
    expect([none.status, await none.text()]).toEqual([204, '']);
  });

  it('that is unknown, or of a version that nobody has, is a 404', async () => {
    expect((await get('/v1/predictions/pAAAAAAAAAAAAAAAAAAAAAA')).json.code).toBe('PREDICTION_NOT_FOUND');
    expect((await post('/v1/predictions/nope/cancel')).json.code).toBe('PREDICTION_NOT_FOUND');
    expect((await submit({ version: 'nope:9', input: 1 })).json.code).toBe('MODEL_NOT_FOUND');
  });

  it.each([
    [{ model: 'row_sum' }, 'exactly one of "input", "inputs" and "tensors"'],
    [{ model: 'row_sum', input: [1], inputs: [[1]] }, 'has input and inputs'],
    [{ model: 'row_sum', input: [1, 2, 3] }, 'an array of 4 values was expected'],
    [{ model: 'row_sum', inptu: [1] }, 'inptu'],
    [[1], 'not as expected'],
    [{ model: 'row_sum', input: [1, 2, 3, 4], id: 'mine' }, 'PUT to /v1/predictions/{id}'],
    [{ model: 'row_sum', input: [1, 2, 3, 4], webhook_events_filter: ['start'] }, 'nobody to tell'],
  ])('is INPUT_INVALID for %j', async (body, says) => {
    const answer = await submit(body);
    expect([answer.status, answer.json.code]).toEqual([422, 'INPUT_INVALID']);
    expect(answer.json.detail).toContain(says);
  });

  it('takes what its path says in the body too, where it is the same', async () => {
    const id = `order-${Math.random()}`;
    const put = (members: object): Promise<Answer> =>
      ask(`${stack.url}/v1/predictions/${id}`, {
        method: 'PUT',
        headers: JSON_BODY,
        body: JSON.stringify({ ...sum(1, 2, 3, 4), ...members }),
      });
    expect((await put({ id: 'other' })).json).toMatchObject({ code: 'INPUT_INVALID' });
    expect((await put({ id })).json).toMatchObject({ id });
    const of = (path: string, model: string): Promise<Answer> =>
      postJson(`${stack.url}/v1/models/${path}/predictions`, { model, input: [1, 2, 3, 4] });
    expect((await of('row_sum', 'digits')).json).toMatchObject({ code: 'INPUT_INVALID' });
    for (const model of ['row_sum', 'me/row_sum']) {
      expect((await of('row_sum', model)).json).toMatchObject({ model: 'row_sum' });
      expect((await of('me/row_sum', model)).json).toMatchObject({ model: 'row_sum' });
    }
  });
});
