// Proves: packages come in by upload, inbox or URL, are taken whole or not at all, and workers can fetch what was taken.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { badPackages } from '../fixtures/archives/bad-packages.js';
import { zipOf } from '../fixtures/archives/zip-bytes.js';
import { scaleModel } from '../fixtures/scale-model.js';
import { ask, type Answer } from '../support/http.js';
import { ModelsApi } from '../support/models-api.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const MOST = 300_000;
const folder = mkdtempSync(join(tmpdir(), 'sluice-uploads-'));
const store = join(folder, 'store');
const staged = (): string[] => readdirSync(join(store, 'staging'));
const stored = (): string[] => readdirSync(join(store, 'packages')).sort();
let stack: Stack;
let api: ModelsApi;

beforeAll(async () => {
  mkdirSync(join(store, 'inbox', 'scale', '3'), { recursive: true });
  const gatewayEnv = { SLUICE_STORE: store, SLUICE_MAX_PACKAGE_BYTES: String(MOST) };
  stack = await Stack.start({ workers: 0, serves: false, gatewayEnv });
  api = new ModelsApi(stack.url);
});
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true });
});

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe('a package', () => {
  it('is registered by its bytes, and acknowledged with where it is', async () => {
    const answer = await api.add(scaleModel(2), { name: 'scale', version: '1' });
    expect(answer).toMatchObject({
      status: 202,
      json: { name: 'scale', version: '1', state: 'registered', notes: [expect.stringContaining('model.json')] },
    });
    expect(answer.headers['location']).toBe(answer.json.href);
    const shown = await ask(answer.json.href, { method: 'GET' });
    expect(shown.json).toMatchObject({
      state: 'registered',
      source: 'upload',
      by: 'public',
      digest: answer.json.digest,
    });
    expect(shown.json.files.map(({ name }: { name: string }) => name)).toEqual(['model.json', 'model.onnx']);
    expect(stored()).toEqual([answer.json.digest]);
  });

  it('is the same when it comes again, however it is wrapped', async () => {
    const before = stored();
    expect((await api.add(scaleModel(2), { name: 'scale', version: '1' })).status).toBe(200);
    const manifest = { name: 'model.json', data: JSON.stringify({ name: 'scale', version: '1' }) };
    const zip = zipOf([manifest, { name: 'model.onnx', data: scaleModel(2) }]);
    expect((await api.add(zip, {}, { 'content-type': 'application/zip' })).status).toBe(200);
    expect(stored()).toEqual(before);
  });

  it('is refused under a version that is another, and leaves nothing', async () => {
    const before = stored();
    const answer = await api.add(scaleModel(3), { name: 'scale', version: '1' });
    expect(answer).toMatchObject({ status: 409, json: { code: 'VERSION_CONFLICT' } });
    expect(stored()).toEqual(before);
    expect(staged()).toEqual([]);
  });

  it('may take its name from its file', async () => {
    const headers = { 'content-disposition': `attachment; filename*=UTF-8''Doubler.onnx` };
    expect((await api.add(scaleModel(2), {}, headers)).json).toMatchObject({ name: 'doubler', version: '1' });
  });

  it.each([
    [{ name: 'No Name' }, 'INPUT_INVALID'],
    [{ name: 'm', version: 'a/b' }, 'INPUT_INVALID'],
    [{ name: 'm', version: 'latest' }, 'INPUT_INVALID'],
    [{ name: 'm', default: 'yes' }, 'INPUT_INVALID'],
    [{ name: 'm', digest: 'x' }, 'INPUT_INVALID'],
    [{}, 'PACKAGE_INVALID'],
  ])('is refused with the query %j', async (query, code) => {
    const before = stored();
    expect(await api.add(scaleModel(2), query as Record<string, string>)).toMatchObject({
      status: 422,
      json: { code },
    });
    expect(stored()).toEqual(before);
    expect(staged()).toEqual([]);
  });

  it('that is bad is refused for its own reason, and nothing is left', async () => {
    const before = stored();
    for (const { what, bytes, says } of badPackages(scaleModel(2)).filter(({ bytes }) => bytes.length > 0)) {
      const answer = await api.add(bytes, { name: 'bad' });
      expect([what, answer.status, answer.json.code]).toEqual([what, 422, 'PACKAGE_INVALID']);
      expect(answer.json.detail).toMatch(says);
      expect(answer.text).not.toContain(folder);
    }
    expect(stored()).toEqual(before);
    expect(staged()).toEqual([]);
  });
});

describe('an upload', () => {
  const large = Buffer.alloc(MOST + 1);

  /** A body in pieces without a length before it. */
  function chunked(bytes: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(`${stack.url}/v1/models?name=big`, { method: 'POST' }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          resolve({ status: response.statusCode!, headers: response.headers, text, json: JSON.parse(text) });
        });
      });
      sent.on('error', reject);
      sent.setHeader('content-type', 'application/octet-stream');
      for (let at = 0; at < bytes.length; at += 50_000) sent.write(bytes.subarray(at, at + 50_000));
      sent.end();
    });
  }

  it('above the limit is refused, whether or not it says so before', async () => {
    for (const answer of [await api.add(large, { name: 'big' }), await chunked(large)]) {
      expect(answer).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
    }
    await until('staging is empty', () => staged().length === 0);
  });

  it('may come in pieces', async () => {
    expect((await chunked(scaleModel(7))).json).toMatchObject({ name: 'big', state: 'registered' });
  });

  it('that is cut leaves nothing', async () => {
    const before = stored();
    const sent = request(`${stack.url}/v1/models?name=cut`, {
      method: 'POST',
      headers: { 'content-length': '200000' },
    });
    sent.on('error', () => undefined);
    sent.write(scaleModel(2));
    await until('it is being read', () => staged().length === 1);
    sent.destroy();
    await until('staging is empty', () => staged().length === 0);
    expect(stored()).toEqual(before);
    expect((await api.call('GET', '/cut')).status).toBe(404);
  });

  it('and the same at the same time are one version', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => api.add(scaleModel(11), { name: 'twins' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 202]);
    expect(new Set(answers.map(({ json }) => json.digest)).size).toBe(1);
    expect(staged()).toEqual([]);
  });

  it.each([
    ['application/json; charset=utf-8', '{"path": 5}', 422],
    ['application/json', '{', 400],
    ['text/html', '<p>', 415],
    ['application/zip', '', 400],
  ])('as %s of %j is a %d', async (type, body, status) => {
    expect((await api.add(Buffer.from(body), {}, { 'content-type': type })).status).toBe(status);
  });

  it('in another encoding is not guessed at', async () => {
    expect((await api.add(scaleModel(1), { name: 'm' }, { 'content-encoding': 'gzip' })).status).toBe(415);
  });
});

describe('the inbox of the store', () => {
  beforeAll(() => {
    const inbox = join(store, 'inbox');
    writeFileSync(join(inbox, 'scale', '3', 'model.onnx'), scaleModel(3));
    writeFileSync(join(inbox, 'four.onnx'), scaleModel(4));
    writeFileSync(join(folder, 'secret.onnx'), scaleModel(5));
    symlinkSync(join(folder, 'secret.onnx'), join(inbox, 'link.onnx'));
    symlinkSync(folder, join(inbox, 'out'));
  });

  it.each([
    ['scale/3', { name: 'scale', version: '3' }],
    ['four.onnx', { name: 'four', version: '1' }],
  ])('has %s', async (path, expected) => {
    const answer = await api.send('POST', '', { path });
    expect(answer).toMatchObject({ status: 202, json: expected });
    expect((await ask(answer.json.href, { method: 'GET' })).json.source).toBe('path');
  });

  it.each([
    '../secret.onnx',
    '/etc/passwd',
    'scale/../../secret.onnx',
    'link.onnx',
    'out/secret.onnx',
    'none',
    '',
    '.',
  ])('has nothing under %j', async (path) => {
    const answer = await api.send('POST', '?name=m', { path });
    expect(answer).toMatchObject({ status: 422, json: { code: 'INPUT_INVALID' } });
    expect(answer.text).not.toContain(folder);
  });
});

it('a URL is not fetched unless the settings name its source', async () => {
  const answer = await api.send('POST', '', { url: 'https://example.com/m.onnx', sha256: sha256('') });
  expect(answer).toMatchObject({ status: 422, json: { code: 'PACKAGE_SOURCE_REFUSED' } });
  expect((await api.send('POST', '', { url: 'https://example.com/m.onnx' })).json.code).toBe('INPUT_INVALID');
});

describe('what was taken', () => {
  const get = (path: string): Promise<Answer> => ask(`${stack.url}/v1/packages/${path}`, { method: 'GET' });

  it('can be fetched file by file, and kept for ever', async () => {
    const { digest } = (await api.call('GET', '/scale/versions/1')).json;
    const listed = await get(digest as string);
    expect(listed.json).toMatchObject({ digest, name: 'scale', version: '1' });
    expect(listed.headers['cache-control']).toContain('immutable');
    for (const { name, sha256: sum, size } of listed.json.files) {
      const file = await get(`${digest}/files/${name}`);
      expect([file.status, sha256(file.text), Number(file.headers['content-length'])]).toEqual([200, sum, size]);
    }
  });

  it('is all that can be', async () => {
    const [digest] = stored();
    const elsewhere = [
      sha256('none'),
      'x',
      `${digest}/files/other`,
      `${digest}/files/..%2f..%2f..%2f..%2fsecret.onnx`,
      `${digest}/files/..%2f..`,
      `${digest}/files/..%2f../model.json`,
      `..%2f..%2fsecret.onnx`,
    ];
    for (const path of elsewhere) expect(await get(path)).toMatchObject({ status: 404 });
  });
});

it('every attempt is a line in the log, with its outcome', () => {
  const lines = stack.gateway.log.split('\n').filter((line) => line.includes('"audit":"register"'));
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(told).toContainEqual(
    expect.objectContaining({ owner: 'public', model: 'scale', version: '1', from: 'upload', outcome: 'ok' }),
  );
  expect(told).toContainEqual(expect.objectContaining({ model: 'scale', version: '1', outcome: 'VERSION_CONFLICT' }));
  expect(told).toContainEqual(expect.objectContaining({ model: 'big', outcome: 'BODY_TOO_LARGE' }));
  expect(told.every(({ request }) => typeof request === 'string')).toBe(true);
  expect(readFileSync(join(folder, 'secret.onnx')).equals(scaleModel(5))).toBe(true);
});
