// Proves: the three body forms, the three routes, and the clients of the tutorials, unchanged, get real predictions.
import { ask, form, postJson, seven, sevenRow } from '../support/http.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
beforeAll(async () => (stack = await Stack.start()));
afterAll(() => stack.close());

const classified = { prediction: 7, label: '7', model: 'digits', version: '1' };

describe('POST /predict', () => {
  it('answers raw picture bytes with the class, its label, its score and the best few', async () => {
    const { status, json } = await ask(`${stack.url}/predict`, {
      headers: { 'content-type': 'image/png' },
      body: seven(),
    });
    expect(status).toBe(200);
    expect(json).toMatchObject(classified);
    expect(json.score).toBeGreaterThan(0.9);
    expect(json.top).toHaveLength(3);
    expect(json.top[0]).toEqual({ index: 7, label: '7', score: json.score });
  });

  it.each(['file', 'data', 'picture'])('answers a form whose only file is called %s', async (name) => {
    const { json } = await ask(`${stack.url}/predict`, form([{ name, filename: 'x.png', content: seven() }]));
    expect(json).toMatchObject(classified);
  });

  it('ignores other fields of the form', async () => {
    const parts = [
      { name: 'comment', content: 'hello' },
      { name: 'file', filename: 'x.png', content: seven() },
    ];
    expect((await ask(`${stack.url}/predict`, form(parts))).json).toMatchObject(classified);
  });

  it.each([undefined, 'application/octet-stream', 'application/x-www-form-urlencoded'])(
    'finds out by itself what a body of type %s is',
    async (type) => {
      const headers = type === undefined ? undefined : { 'content-type': type };
      const picture = await ask(`${stack.url}/predict`, { ...(headers && { headers }), body: seven() });
      const json = await ask(`${stack.url}/predict`, { ...(headers && { headers }), body: JSON.stringify(sevenRow()) });
      expect(picture.json).toMatchObject(classified);
      expect(json.json).toMatchObject(classified);
    },
  );

  it('answers a JSON row, several rows, and whole tensors, each laid out as it was asked', async () => {
    const { input } = sevenRow();
    const one = await postJson(`${stack.url}/predict`, { input });
    const several = await postJson(`${stack.url}/predict`, { inputs: [input, input, input] });
    const whole = await postJson(`${stack.url}/predict`, { tensors: { image: [input, input] } });
    expect(one.json).toMatchObject(classified);
    expect(several.json.outputs.map((row: { prediction: number }) => row.prediction)).toEqual([7, 7, 7]);
    expect(whole.json.outputs).toHaveLength(2);
  });

  it('answers pictures in base64, one or several', async () => {
    const base64 = seven().toString('base64');
    const one = await postJson(`${stack.url}/predict`, { input: base64 });
    const several = await postJson(`${stack.url}/predict`, { inputs: [base64, `data:image/png;base64,${base64}`] });
    expect(one.json).toMatchObject(classified);
    expect(several.json.outputs).toHaveLength(2);
    expect(several.json.outputs[1]).toMatchObject({ prediction: 7, label: '7' });
  });

  it('puts a request of more rows than a batch holds together again, in order', async () => {
    const { input } = sevenRow();
    const blank = input.map((plane) => plane.map((line) => line.map(() => 0)));
    const rows = Array.from({ length: 150 }, (_, i) => (i % 3 === 0 ? input : blank));
    const { json } = await postJson(`${stack.url}/predict`, { inputs: rows });
    expect(json.outputs).toHaveLength(150);
    const alone = (await postJson(`${stack.url}/predict`, { input: blank })).json.prediction as number;
    expect(json.outputs.map((row: { prediction: number }) => row.prediction)).toEqual(
      rows.map((row) => (row === input ? 7 : alone)),
    );
  });

  it('tells how long each step took, in which batch, why it was released and who ran it', async () => {
    const { json } = await postJson(`${stack.url}/predict`, sevenRow());
    expect(json.metrics).toMatchObject({ batch_size: 1, release_reason: 'greedy' });
    for (const step of ['queue_ms', 'batch_wait_ms', 'preprocess_ms', 'infer_ms', 'total_ms'])
      expect(json.metrics[step]).toBeGreaterThanOrEqual(0);
    expect(json.metrics.worker).toMatch(/^w[\w-]+$/);
  });

  it.each(['/predict/digits', '/predict/digits/1'])('serves the same model at %s', async (path) => {
    expect((await postJson(stack.url + path, sevenRow())).json).toMatchObject(classified);
  });

  it('returns a request id that is fit, makes one where it is not, and has it in the worker log', async () => {
    const kept = await postJson(`${stack.url}/predict`, sevenRow(), { 'x-request-id': 'order-66.a:b_c' });
    expect(kept.headers['x-request-id']).toBe('order-66.a:b_c');
    const made = await postJson(`${stack.url}/predict`, sevenRow(), { 'x-request-id': 'has blanks and "quotes"' });
    expect(made.headers['x-request-id']).toMatch(/^p[\w-]{21,}$/);
  });
});

describe('operations', () => {
  it('is live, ready, and tells which models are', async () => {
    expect((await ask(`${stack.url}/health/live`, { method: 'GET' })).status).toBe(200);
    const ready = await ask(`${stack.url}/health/ready`, { method: 'GET' });
    expect(ready.json).toMatchObject({ status: 'ok', info: { redis: { status: 'up' }, model: { status: 'up' } } });
    const model = await ask(`${stack.url}/v1/models/digits/ready`, { method: 'GET' });
    expect(model.json).toMatchObject({ name: 'digits', ready: true });
    const missing = await ask(`${stack.url}/v1/models/nope/ready`, { method: 'GET' });
    expect(missing).toMatchObject({ status: 404, json: { code: 'MODEL_NOT_FOUND' } });
  });

  it('shows the histograms, counters and gauges that docs/metrics.md lists', async () => {
    await postJson(`${stack.url}/predict`, sevenRow());
    const { text } = await ask(`${stack.url}/metrics`, { method: 'GET' });
    expect(text).toMatch(/sluice_request_seconds_count\{.*model="digits".*\} \d+/);
    expect(text).toMatch(/sluice_predictions_total\{.*outcome="ok".*\} \d+/);
    expect(text).toMatch(/sluice_pack_items_bucket/);
    expect(text).toMatch(/sluice_in_flight\{/);
  });

  it('describes itself well enough to generate a client from', async () => {
    const { json } = await ask(`${stack.url}/docs/openapi.json`, { method: 'GET' });
    const { post } = json.paths['/predict/{model}/{version}'];
    expect(Object.keys(post.requestBody.content)).toEqual(
      expect.arrayContaining(['application/json', 'multipart/form-data', 'image/*']),
    );
    expect(post.parameters.filter((p: { in: string }) => p.in === 'path')).toHaveLength(2);
    expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['200', '404', '422', '503', '504']));
    const ids = Object.values<Record<string, { operationId?: string }>>(json.paths).flatMap((path) =>
      Object.values(path).map((op) => op.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const refs = [...JSON.stringify(json).matchAll(/#\/components\/schemas\/(\w+)/g)].map((match) => match[1]!);
    for (const ref of refs) expect(json.components.schemas).toHaveProperty(ref);
  });
});
