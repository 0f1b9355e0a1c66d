// Proves: every failure that a caller can cause is answered by its own code and status, says what to do, and nothing inside.
import { connect } from 'node:net';
import { crc32, deflateSync } from 'node:zlib';
import { ask, form, postJson, seven, sevenRow, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';

const models = new ModelsFolder().digits().fixtures('add', 'gather_crash');
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    gatewayEnv: { SLUICE_MAX_BODY_BYTES: '200000', SLUICE_MAX_JSON_BYTES: '100000', SLUICE_DEFAULT_MODEL: 'digits' },
    awaits: ['add', 'gather_crash'],
  });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

const predict = (path = '') => `${stack.url}/predict${path}`;
const json = (body: string | Buffer, headers = {}) =>
  ask(predict(), { headers: { 'content-type': 'application/json', ...headers }, body });

function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, code: answer.json?.code }).toEqual({ status, code });
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.json).toMatchObject({
    status,
    detail: expect.stringMatching(/.{20,}/),
    request_id: answer.headers['x-request-id'],
  });
  expect(answer.text).not.toMatch(/\/(root|home|work|tmp|usr|dist)\/|node_modules|\bat .*\.js|\.ts:|stack/);
}

/** Sends bytes as they are and reads until the other end closes. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(stack.url).port), '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

describe('a body that cannot be read', () => {
  it('is BODY_EMPTY when there is nothing in it', async () => {
    expectProblem(await ask(predict(), { headers: { 'content-type': 'image/png' }, body: '' }), 400, 'BODY_EMPTY');
  });

  it('is BODY_LENGTH_REQUIRED without Content-Length, before any of it is read', async () => {
    const text = await raw(
      `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1.1 411 /);
    expect(text).toContain('"BODY_LENGTH_REQUIRED"');
  });

  it('is BODY_TOO_LARGE by its Content-Length, before any of it is read', async () => {
    const text = await raw(
      `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 99999999999\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(text).toContain('"BODY_TOO_LARGE"');
    expect(text).toMatch(/connection: close/i);
  });

  it('is BODY_TOO_LARGE for JSON at its own tighter limit', async () => {
    expectProblem(await json(`{"input":"${'x'.repeat(150_000)}"}`), 413, 'BODY_TOO_LARGE');
  });

  it('is BODY_ENCODING_UNSUPPORTED when compressed', async () => {
    expectProblem(await json('{}', { 'content-encoding': 'gzip' }), 415, 'BODY_ENCODING_UNSUPPORTED');
  });

  it('is MEDIA_TYPE_UNSUPPORTED for anything but pictures, forms and JSON', async () => {
    expectProblem(
      await ask(predict(), { headers: { 'content-type': 'text/html' }, body: '<p>' }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    );
    expectProblem(
      await ask(predict('/add'), { headers: { 'content-type': 'image/png' }, body: seven() }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    );
  });

  it('is BODY_MALFORMED when it is not HTTP', async () => {
    const text = await raw('NONSENSE\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(text).toContain('"BODY_MALFORMED"');
  });

  it('is REQUEST_TIMEOUT when it does not come whole in time, and its connection ends', async () => {
    const text = await raw(
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\nslow',
    );
    expect(text).toMatch(/^HTTP\/1.1 408 /);
    expect(text).toContain('"REQUEST_TIMEOUT"');
  }, 30_000);

  it('is HEADER_INVALID with more header than is allowed', async () => {
    const text = await raw(`GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'y'.repeat(20_000)}\r\n\r\n`);
    expect(text).toContain('"HEADER_INVALID"');
  });
});

describe('a form', () => {
  it('is MULTIPART_MALFORMED with two files, without a file, or with broken bytes', async () => {
    const file = { name: 'file', filename: 'x.png', content: seven() };
    expectProblem(await ask(predict(), form([file, { ...file, name: 'other' }])), 400, 'MULTIPART_MALFORMED');
    expectProblem(await ask(predict(), form([{ name: 'comment', content: 'x' }])), 400, 'MULTIPART_MALFORMED');
    const broken = { headers: { 'content-type': 'multipart/form-data; boundary=abc' }, body: '--abc\r\nnonsense' };
    expectProblem(await ask(predict(), broken), 400, 'MULTIPART_MALFORMED');
    expectProblem(
      await ask(predict(), { headers: { 'content-type': 'multipart/form-data' }, body: 'x' }),
      400,
      'MULTIPART_MALFORMED',
    );
  });
});

describe('JSON', () => {
  it.each(['{', '', '{"input": NaN}', '\ufeff{}', '{"input":[1,]}', 'null x'])(
    'is refused when it does not parse: %j',
    async (body) => {
      expectProblem(await json(body), 400, body === '' ? 'BODY_EMPTY' : 'JSON_MALFORMED');
    },
  );

  it('is JSON_MALFORMED when it is not UTF-8', async () => {
    expectProblem(await json(Buffer.from([0x22, 0xff, 0xfe, 0x22])), 400, 'JSON_MALFORMED');
  });

  it('is JSON_TOO_DEEP past 64 levels, whatever closes them', async () => {
    expectProblem(await json('['.repeat(50_000)), 400, 'JSON_TOO_DEEP');
    expectProblem(await json(`{"input":${'['.repeat(64)}${']'.repeat(64)}}`), 400, 'JSON_TOO_DEEP');
    expectProblem(await json(`{"input":"${'['.repeat(500)}"}`), 422, 'INPUT_INVALID');
  });

  it.each([
    [[1, 2]],
    ['text'],
    [{}],
    [{ input: [], inputs: [] }],
    [{ data: [1] }],
    [{ inputs: [] }],
    [{ inputs: 5 }],
    [{ input: null }],
    [{ tensors: [] }],
    [{ tensors: { nope: [1] } }],
    [{ tensors: { image: [] } }],
    [{ input: [[[1, 2]]] }],
    [{ __proto__x: 1, constructor: { prototype: {} } }],
  ])('is INPUT_INVALID when it is not an input of this model: %j', async (body) => {
    expectProblem(await postJson(predict(), body), 422, 'INPUT_INVALID');
  });

  it('names the place, what came and what was expected', async () => {
    const row = sevenRow();
    row.input[0]![3]![5] = 'x' as never;
    const { json: problem } = await postJson(predict(), row);
    expect(problem.detail).toBe('input[0][3][5] is the string "x"; a value that fits float32 was expected.');
    const two = await postJson(predict('/add'), { input: { a: [1, 2, 3], c: [1, 2, 3] } });
    expect(two.json.detail).toBe('input has "c", which the model does not take; it takes a, b.');
  });
});

describe('a picture', () => {
  const image = (body: Buffer | string) => ask(predict(), { headers: { 'content-type': 'image/png' }, body });

  it('is IMAGE_FORMAT_UNSUPPORTED in any format but the four', async () => {
    expectProblem(await image('<svg xmlns="http://www.w3.org/2000/svg"/>'), 415, 'IMAGE_FORMAT_UNSUPPORTED');
    expectProblem(await image('not a picture at all'), 415, 'IMAGE_FORMAT_UNSUPPORTED');
  });

  it('is IMAGE_UNDECODABLE when it is broken', async () => {
    expectProblem(await image(seven().subarray(0, 200)), 422, 'IMAGE_UNDECODABLE');
  });

  it('is IMAGE_TOO_LARGE when it would unfold into gigabytes, and the refusal takes no time and no memory', async () => {
    const begun = performance.now();
    expectProblem(await image(pngHeader(50_000, 50_000)), 422, 'IMAGE_TOO_LARGE');
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

describe('a request', () => {
  it('is MODEL_NOT_FOUND for a model or version that is not there, and lists what is', async () => {
    const model = await postJson(predict('/nope'), sevenRow());
    expectProblem(model, 404, 'MODEL_NOT_FOUND');
    expect(model.json.detail).toContain('digits');
    const version = await postJson(predict('/digits/9'), sevenRow());
    expectProblem(version, 404, 'MODEL_NOT_FOUND');
    expect(version.json.detail).toContain('Its versions: 1.');
    expectProblem(await postJson(predict('/..%2f..%2fetc%2fpasswd'), sevenRow()), 404, 'MODEL_NOT_FOUND');
  });

  it('is ROUTE_NOT_FOUND or METHOD_NOT_ALLOWED where nothing is', async () => {
    expectProblem(await ask(`${stack.url}/nope`, { method: 'GET' }), 404, 'ROUTE_NOT_FOUND');
    const get = await ask(predict(), { method: 'GET' });
    expectProblem(get, 405, 'METHOD_NOT_ALLOWED');
    expect(get.headers['allow']).toBe('POST');
  });

  it('is a problem too where its path cannot be read', async () => {
    const get = (path: string) => ask(stack.url + path, { method: 'GET', headers: { 'x-request-id': 'mine' } });
    const answers = [await get('/v1/predictions/%FF'), await get(`/v1/predictions/${'x'.repeat(300)}`)];
    expectProblem(answers[0]!, 400, 'BODY_MALFORMED');
    expectProblem(answers[1]!, 404, 'ROUTE_NOT_FOUND');
    expect(answers.map(({ headers }) => headers['x-request-id'])).toEqual(['mine', 'mine']);
  });

  it.each(['0', '-1', 'soon', '1e3', '301', ''])('is HEADER_INVALID with an X-Request-Timeout of %j', async (value) => {
    expectProblem(await postJson(predict(), sevenRow(), { 'x-request-timeout': value }), 400, 'HEADER_INVALID');
  });

  it.each([
    ['prefer', 'wait=0'],
    ['prefer', 'wait=61'],
    ['prefer', 'wait=soon'],
    ['idempotency-key', 'two words'],
    ['cancel-after', 'soon'],
  ])('is HEADER_INVALID with %s: %s, which is never ignored', async (name, value) => {
    const headers = { 'idempotency-key': 'k', [name]: value };
    expectProblem(await postJson(predict(), sevenRow(), headers), 400, 'HEADER_INVALID');
  });

  it.each([
    ['cancel-after', '30s'],
    ['webhook-events', 'completed'],
  ])('is HEADER_INVALID with %s: %s alone, which nothing would come of', async (name, value) => {
    expectProblem(await postJson(predict(), sevenRow(), { [name]: value }), 400, 'HEADER_INVALID');
  });

  it('is MODEL_RUN_FAILED when the model fails on it, alone', async () => {
    expectProblem(await postJson(predict('/gather_crash'), { input: [99] }), 422, 'MODEL_RUN_FAILED');
  });
});

/** A PNG whose header says that it is this large; what follows holds next to nothing. */
function pngHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1_000))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
