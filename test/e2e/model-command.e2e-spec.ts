// Proves: what `sluice model list, show, default, alias, rm, load, unload` send to a gateway, and how they tell people,
// programs and scripts what it says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { sluice, type Ended } from '../support/sluice.js';
import { StubGateway } from '../support/stub-gateway.js';

let gateway: StubGateway;
beforeAll(async () => {
  gateway = await StubGateway.start();
});
afterAll(() => gateway.close());
afterEach(() => gateway.forget());

const KEY = 'slk_0123456789012345678901234567890123456789012';
const model = (...args: string[]): Promise<Ended> =>
  sluice(['model', ...args], { env: { SLUICE_URL: gateway.url, SLUICE_API_KEY: KEY } });

const two = {
  name: 'net',
  version: '2',
  state: 'failed',
  reason: 'load: model.onnx needs opset 99.\u001b[2J',
  task: 'tensor',
  bytes: 1_234_567,
  digest: 'd2',
  source: 'upload',
  by: 'ops',
  created_at: '2030-01-01T00:00:00.000Z',
  named_by: ['alias canary', 'split', 'shadow'],
  workers: [{ worker: 'w1', device: 'cpu', state: 'failed', reason: 'no room' }],
  workers_ready: 0,
  errors: [{ code: 'MODEL_RUN_FAILED', count: 3, last_at: '2030-01-02T00:00:00.000Z' }],
  report: {
    checks: [
      { check: 'files', status: 'passed', ms: 1.25 },
      { check: 'load', status: 'failed', ms: 120, message: 'model.onnx needs opset 99.' },
      { check: 'latency', status: 'skipped', ms: 0 },
    ],
    latency: { alpha: 0.1234, beta: 2, bestBatch: 16 },
    memoryBytes: 5_000_000,
  },
};
const one = { name: 'net', version: '1', state: 'ready', task: 'tensor', bytes: 900, workers_ready: 2 };
const net = {
  name: 'net',
  default: '1',
  aliases: { stable: '1', canary: '2' },
  split: [
    { version: '1', weight: 9 },
    { version: '2', weight: 1 },
  ],
  shadow: { version: '2', share: 0.1 },
  versions: [two, one],
};

describe('for people', () => {
  it('lists versions in columns, with all names by which they are reached', async () => {
    gateway.on('GET /v1/models', { json: { models: [net], more: 1 } });
    const { code, stdout, stderr } = await model('list');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      [
        'MODEL  VERSION  STATE   WORKERS  NAMED                        TASK    SIZE',
        'net    2        failed  0        canary, split 1, shadow 0.1  tensor  1.2 MB',
        'net    1        ready   2        default, stable, split 9     tensor  900 B',
        '',
      ].join('\n'),
    );
    expect(gateway.asked[0]!.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it('lists all pages, also for programs', async () => {
    const pages: [string, object, string | null][] = [
      ['', { ...net, name: 'a' }, 'a'],
      ['a', net, 'net'],
      ['net', { ...net, name: 'z' }, null],
    ];
    gateway.on('GET /v1/models', ({ query }) => {
      const [, model, next] = pages.find(([after]) => after === (query['after'] ?? ''))!;
      return { json: { models: [model], next } };
    });
    expect((await model('list')).stdout.match(/^\w+ +1 /gm)).toEqual(['a      1 ', 'net    1 ', 'z      1 ']);
    const { models, next } = JSON.parse((await model('list', '--json')).stdout) as { models: object[]; next: null };
    expect([models, next]).toEqual([pages.map(([, each]) => each), null]);
  });

  it('lists one model, and says when there is none', async () => {
    gateway.on('GET /v1/models/net', { json: net }).on('GET /v1/models', { json: { models: [] } });
    expect((await model('list', 'net')).stdout).toContain('canary, split 1');
    expect((await model('show', 'net')).stdout).toContain('canary, split 1');
    expect((await model('list')).stdout).toMatch(/There are no models/);
  });

  it('shows a version with its report, and lets nothing through that would move the cursor', async () => {
    gateway.on('GET /v1/models/net/versions/2', { json: two });
    const { code, stdout } = await model('show', 'net', '2');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'model    net:2',
        'state    failed',
        'reason   load: model.onnx needs opset 99.\\u001b[2J',
        'named    alias canary, split, shadow',
        'task     tensor',
        'size     1.2 MB',
        'digest   d2',
        'source   upload, by ops, 2030-01-01T00:00:00.000Z',
        'latency  0.12 ms a row + 2 ms a run, best at batch 16',
        'memory   5.0 MB',
        'workers  w1 on cpu: failed (no room)',
        'errors   MODEL_RUN_FAILED: 3, the last 2030-01-02T00:00:00.000Z',
        '',
        '✓ files             1.3 ms',
        '✗ load              120 ms',
        '    model.onnx needs opset 99.',
        '- latency           skipped',
        '',
      ].join('\n'),
    );
  });
});

it.each([
  [['default', 'net', '2'], 'PUT /v1/models/net/default', { version: '2' }, {}],
  [['alias', 'net', 'canary', '2'], 'PUT /v1/models/net/aliases/canary', { version: '2' }, {}],
  [['alias', 'net', 'canary', '--remove'], 'DELETE /v1/models/net/aliases/canary', undefined, {}],
  [['load', 'net', '2'], 'POST /v1/models/net/versions/2/load', undefined, {}],
  [['unload', 'net', '2'], 'POST /v1/models/net/versions/2/unload', undefined, {}],
  [['default', 'net', '2', '--force'], 'PUT /v1/models/net/default', { version: '2' }, { force: 'true' }],
  [['unload', 'net', '2', '--force'], 'POST /v1/models/net/versions/2/unload', undefined, { force: 'true' }],
  [['rm', 'net', '2'], 'DELETE /v1/models/net/versions/2', undefined, {}],
  [['rm', 'net', '2', '--force'], 'DELETE /v1/models/net/versions/2', undefined, { force: 'true' }],
])('%j sends %s', async (...[args, route, body, query]) => {
  const text = '{"any":   12345678901234567890}';
  gateway.on(route, { text });
  const told = await model(...args);
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toMatch(/^net:.*\.\n$/);
  const [asked] = gateway.asked;
  expect(asked).toMatchObject({ route, query });
  expect(asked!.bytes > 0 ? JSON.parse(asked!.body.toString()) : undefined).toEqual(body);
  expect(await model(...args, '--json')).toEqual({ code: 0, stdout: `${text}\n`, stderr: '' });
});

describe('for programs', () => {
  it.each([
    [['list'], 'GET /v1/models'],
    [['list', 'net'], 'GET /v1/models/net'],
    [['show', 'net'], 'GET /v1/models/net'],
    [['show', 'net', '2'], 'GET /v1/models/net/versions/2'],
  ])('%j --json is the answer as it came, whatever is in it', async (args, route) => {
    const text = '{"strange": [1.0, "\u001b"]}';
    gateway.on(route, { text });
    expect(await model(...args, '--json')).toEqual({ code: 0, stdout: `${text}\n`, stderr: '' });
    const told = await model(...args);
    expect(told).toMatchObject({ code: 1, stdout: '' });
    expect(told.stderr).toMatch(/answer cannot be read/);
  });

  it('ends without a stack when its reader has left', async () => {
    gateway.on('GET /v1/models', { text: `{"a":"${'x'.repeat(2_000_000)}"}` });
    const shell = spawn(
      '/bin/bash',
      ['-c', './dist/apps/cli/src/main.js model list --json | head -c 1; echo " ${PIPESTATUS[0]}"'],
      {
        env: { ...process.env, SLUICE_URL: gateway.url },
      },
    );
    let told = '';
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (piece: Buffer) => (told += piece.toString()));
    await once(shell, 'close');
    expect(told).toBe('{ 141\n');
  });
});

describe('for scripts', () => {
  const problem = { code: 'MODEL_NOT_FOUND', detail: 'There is no model "net". Models: other.' };
  it.each([
    [404, problem, 1, 'MODEL_NOT_FOUND: There is no model "net". Models: other.'],
    [409, { code: 'STATE_CONFLICT', detail: 'It is the default.' }, 1, 'STATE_CONFLICT: It is the default.'],
    [503, { code: 'QUEUE_UNAVAILABLE', detail: 'Later.' }, 4, 'QUEUE_UNAVAILABLE: Later.'],
    [502, undefined, 4, 'GATEWAY answered 502, and not as a gateway does. SLUICE_URL says where the gateway is.'],
    [404, undefined, 1, 'GATEWAY answered 404, and not as a gateway does. SLUICE_URL says where the gateway is.'],
  ])('a %i with %j is exit code %i', async (...[status, json, code, text]) => {
    gateway.on('GET /v1/models', json ? { status, json } : { status, text: '<html>' });
    expect(await model('list')).toEqual({ code, stdout: '', stderr: `${text.replace('GATEWAY', gateway.url)}\n` });
  });

  it('a gateway that is not there is told by its address, and by how to start one, without the key', async () => {
    const ended = await sluice(['model', 'list', '--json'], {
      env: { SLUICE_URL: 'http://127.0.0.1:9', SLUICE_API_KEY: KEY },
    });
    expect(ended).toMatchObject({ code: 4, stdout: '' });
    expect(ended.stderr).toMatch(/http:\/\/127\.0\.0\.1:9 does not answer \(ECONNREFUSED\).*SLUICE_URL.*sluice serve/);
    expect(ended.stderr).not.toContain('slk_');
  });

  it('a connection that breaks, or an answer, is no answer', async () => {
    const server = createServer((socket) => {
      socket.once('data', () => socket.end(broken, () => socket.resetAndDestroy()));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    let broken = '';
    try {
      for (broken of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"mod']) {
        const ended = await sluice(['model', 'list'], { env: { SLUICE_URL: `http://127.0.0.1:${port}` } });
        expect(ended).toMatchObject({ code: 4, stdout: '' });
        expect(ended.stderr).toMatch(/does not answer \((UND_ERR_SOCKET|ECONNRESET)\)/);
      }
    } finally {
      server.close();
    }
  });

  it.each([
    [['default', 'net']],
    [['default', 'Net', '1']],
    [['show', 'net', '../x']],
    [['alias', 'net', 'A', '1']],
    [['alias', 'net', 'a']],
    [['alias', 'net', 'a', '1', '--remove']],
    [['rm', 'net', '1', '2']],
    [['list', '--all']],
    [['load', 'net', '1', '--force']],
    [['nothing']],
    [[]],
  ])('refuses %j with the usage and exit code 2, and asks nobody', async (args) => {
    const ended = await model(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('Usage:');
    expect(gateway.asked).toEqual([]);
  });
});
