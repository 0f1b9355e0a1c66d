// Proves: every route asks for the scope it is meant to, routes that manage models answer nowhere but where they may, and
// keys with the scope come and go without a restart.
import 'reflect-metadata';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyLine, newApiKey, type Scope } from '#inference';
import { startInProcessGateway, type InProcessGateway } from '../support/gateway-in-process.js';
import { ask, type Answer } from '../support/http.js';
import { routesOf, type RouteOf } from '../support/routes.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
const KEYS: Record<Scope, string> = { predict: newApiKey(), admin: newApiKey(), worker: newApiKey() };
const started: InProcessGateway[] = [];

afterAll(async () => {
  await Promise.all(started.map((each) => each.close()));
  rmSync(folder, { recursive: true });
});

async function start(env: Record<string, string> = {}): Promise<InProcessGateway> {
  const gateway = await startInProcessGateway({ SLUICE_STORE: join(folder, 'store'), ...env });
  started.push(gateway);
  return gateway;
}

function keyFile(name: string, scopes: readonly Scope[]): string {
  const file = join(folder, name);
  writeFileSync(file, scopes.map((scope) => keyLine(scope, KEYS[scope], [scope])).join('\n') || '# nobody');
  return file;
}

const OPEN = /^\/(health\/(live|ready)|metrics|docs([/-].*)?)$/;
/** Everything that is not for predicting; what is added later and stands not here must be. */
const OTHERS: Record<string, Scope[]> = {
  'POST /v1/models': ['admin'],
  'GET /v1/models': ['predict', 'admin'],
  'GET /v1/models/:name': ['predict', 'admin'],
  'GET /v1/models/:name/ready': ['predict', 'admin'],
  'GET /v1/models/:name/versions/:version': ['predict', 'admin'],
  'PATCH /v1/models/:name/versions/:version': ['admin'],
  'DELETE /v1/models/:name/versions/:version': ['admin'],
  'POST /v1/models/:name/versions/:version/load': ['admin'],
  'POST /v1/models/:name/versions/:version/unload': ['admin'],
  'PUT /v1/models/:name/default': ['admin'],
  'DELETE /v1/models/:name/default': ['admin'],
  'PUT /v1/models/:name/aliases/:alias': ['admin'],
  'DELETE /v1/models/:name/aliases/:alias': ['admin'],
  'PUT /v1/models/:name/split': ['admin'],
  'DELETE /v1/models/:name/split': ['admin'],
  'PUT /v1/models/:name/shadow': ['admin'],
  'DELETE /v1/models/:name/shadow': ['admin'],
  'GET /v1/packages/:digest': ['worker', 'admin'],
  'GET /v1/packages/:digest/files/:file': ['worker', 'admin'],
  'GET /v1/packages/:digest/files/:file/:file': ['worker', 'admin'],
};

function nameOf({ method, pattern }: RouteOf): string {
  // The first parameter of what lies under one model is printed with all the names that it has.
  const plain = pattern.replace(/:(\w+)(\|:\w+)*/g, (_, first: string, more?: string) => {
    return [first, ...(more ?? '').split('|:')].includes('name') ? ':name' : `:${first}`;
  });
  return `${method === 'HEAD' ? 'GET' : method} ${plain}`;
}

const scopesOf = (route: RouteOf): Scope[] => OTHERS[nameOf(route)] ?? ['predict'];
const closed = ({ fastify }: InProcessGateway): RouteOf[] => routesOf(fastify).filter(({ path }) => !OPEN.test(path));
const guarded = (gateway: InProcessGateway): RouteOf[] =>
  closed(gateway).filter((route) => !scopesOf(route).includes('predict'));

function call(
  gateway: InProcessGateway,
  { method, path }: RouteOf,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return ask(gateway.url + path, { method, headers });
}

function bearer(scope: Scope): Record<string, string> {
  return { authorization: `Bearer ${KEYS[scope]}` };
}

describe('the scope of every route', () => {
  let gateway: InProcessGateway;
  beforeAll(async () => {
    gateway = await start({ SLUICE_API_KEYS: keyFile('matrix', ['predict', 'admin', 'worker']) });
  });

  it('is listed here for all that is not for predicting', () => {
    const names = new Set(closed(gateway).map(nameOf));
    expect(Object.keys(OTHERS).filter((name) => !names.has(name))).toEqual([]);
    expect(guarded(gateway).length).toBeGreaterThan(15);
  });

  it('lets in the keys that have it, and no other', async () => {
    const wrong: string[] = [];
    for (const route of closed(gateway)) {
      const none = await call(gateway, route);
      if (none.status !== 401) wrong.push(`${nameOf(route)} without a key: ${none.status}`);
      for (const scope of ['predict', 'admin', 'worker'] as const) {
        const answer = await call(gateway, route, bearer(scope));
        // An answer to HEAD has no body that could tell the code.
        const isRefused = answer.status === 401 || (answer.status === 403 && answer.json?.code !== 'ADMIN_ELSEWHERE');
        if (isRefused === scopesOf(route).includes(scope))
          wrong.push(`${nameOf(route)} with ${scope}: ${answer.status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is named in the refusal', async () => {
    const answer = await ask(`${gateway.url}/v1/models/m/default`, { method: 'PUT', headers: bearer('predict') });
    expect(answer).toMatchObject({ status: 403, json: { code: 'SCOPE_REQUIRED' } });
    expect(answer.json.detail).toMatch(/scope admin; the key that was sent has predict/);
    expect(answer.text).not.toContain(KEYS.predict);
  });
});

const FOREIGN: [string, Record<string, string>][] = [
  ['a page of another site', { origin: 'https://evil.example' }],
  ['a page of another site that sends no Origin', { 'sec-fetch-site': 'cross-site' }],
  ['a name that a page has given 127.0.0.1', { host: 'evil.example' }],
  ['a proxy', { 'x-forwarded-for': '203.0.113.9' }],
  ['a proxy that says so in the standard way', { forwarded: 'for=203.0.113.9' }],
  ['a proxy that names itself', { via: '1.1 cache' }],
];

describe.each([
  ['without keys', () => start()],
  ['with keys', () => start({ SLUICE_API_KEYS: keyFile('local', ['admin', 'worker', 'predict']) })],
])('what manages models, %s', (keys, open) => {
  const hasKeys = keys === 'with keys';
  const headers = hasKeys ? bearer('admin') : {};
  let gateway: InProcessGateway;
  /** With keys packages are for workers, wherever they are. */
  const local = (): RouteOf[] => guarded(gateway).filter((route) => !hasKeys || !scopesOf(route).includes('worker'));
  beforeAll(async () => {
    gateway = await open();
  });

  it('answers on the machine itself', async () => {
    for (const route of local()) expect((await call(gateway, route, headers)).status).not.toBe(403);
  });

  it.each(FOREIGN)('does not answer %s', async (_, more) => {
    for (const route of local()) {
      const answer = await call(gateway, route, { ...headers, ...more });
      expect([nameOf(route), answer.status]).toEqual([nameOf(route), 403]);
      if (route.method !== 'HEAD') expect(answer.json.code).toBe('ADMIN_ELSEWHERE');
    }
  });

  it('leaves routes for predicting alone', async () => {
    const answers = await Promise.all(
      FOREIGN.map(([, more]) => ask(`${gateway.url}/v1/models`, { method: 'GET', headers: { ...headers, ...more } })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

/** An address of this machine that others reach. */
function outerAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

describe('another address of the machine', () => {
  const address = outerAddress();
  const at = (gateway: InProcessGateway): InProcessGateway => {
    return { ...gateway, url: `http://${address}:${new URL(gateway.url).port}` };
  };
  // Where a machine has none, there is nothing to be kept from answering.
  const onOuter = address === undefined ? it.skip : it;

  onOuter('is not where models are managed', async () => {
    const keys = keyFile('outer', ['admin', 'worker']);
    for (const env of [{}, { SLUICE_API_KEYS: keys }]) {
      const gateway = await start({ ...env, SLUICE_HOST: '0.0.0.0' });
      for (const route of guarded(gateway)) {
        const isWorkers = 'SLUICE_API_KEYS' in env && scopesOf(route).includes('worker');
        const { status } = await call(at(gateway), route, 'SLUICE_API_KEYS' in env ? bearer('admin') : {});
        expect([nameOf(route), status === 403]).toEqual([nameOf(route), !isWorkers]);
      }
    }
  });

  onOuter('is, where SLUICE_ADMIN_HOST says so, and through a proxy too', async () => {
    const keys = keyFile('opened', ['admin']);
    for (const host of ['0.0.0.0', address!]) {
      const gateway = await start({ SLUICE_API_KEYS: keys, SLUICE_HOST: '0.0.0.0', SLUICE_ADMIN_HOST: host });
      const headers = { ...bearer('admin'), 'x-forwarded-for': '203.0.113.9' };
      for (const route of guarded(gateway)) expect((await call(at(gateway), route, headers)).status).not.toBe(403);
    }
  });

  onOuter('has an entrance of its own where SLUICE_HOST does not cover it', async () => {
    const gateway = await start({ SLUICE_API_KEYS: keyFile('door', ['admin']), SLUICE_ADMIN_HOST: address! });
    const put = (url: string) =>
      ask(`${url}/v1/models/m/default`, { method: 'PUT', headers: bearer('admin'), body: '{}' });
    expect((await put(at(gateway).url)).status).toBe(422);
    expect((await put(gateway.url)).status).toBe(422);
    expect((await ask(`${at(gateway).url}/v1/models`, { method: 'GET', headers: bearer('admin') })).status).toBe(200);
  });
});

describe('opened to the network', () => {
  it.each([
    ['without keys', {}],
    ['with keys of which none may', { SLUICE_API_KEYS: keyFile('predict-only', ['predict']) }],
  ])('a gateway %s does not start', async (_, env) => {
    const starting = startInProcessGateway({ ...env, SLUICE_ADMIN_HOST: '0.0.0.0' });
    await expect(starting).rejects.toThrow(/SLUICE_API_KEYS.*admin/s);
  });

  it('a gateway that loses its last such key refuses, and takes the next', async () => {
    const file = keyFile('rotated', ['admin']);
    const gateway = await start({ SLUICE_API_KEYS: file, SLUICE_ADMIN_HOST: '0.0.0.0' });
    const status = async (key: string): Promise<number> => {
      const headers = { authorization: `Bearer ${key}` };
      return (await ask(`${gateway.url}/v1/models/m/default`, { method: 'PUT', headers, body: '{}' })).status;
    };
    const becomes = (key: string, wanted: number) =>
      until(`the key is answered ${wanted}`, async () => (await status(key)) === wanted, 5_000);
    expect(await status(KEYS.admin)).toBe(422);
    writeFileSync(file, keyLine('ops', KEYS.admin));
    await becomes(KEYS.admin, 403);
    const next = newApiKey();
    writeFileSync(file, `${keyLine('ops', KEYS.admin)}\n${keyLine('ops', next, ['admin'])}`);
    await becomes(next, 422);
    expect(await status(KEYS.admin)).toBe(403);
  });
});
