// Proves: with keys no route that is not open answers without one, however it is spelled; keys come and go without a restart.
import 'reflect-metadata';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyLine, newApiKey } from '#inference';
import { startInProcessGateway, type InProcessGateway } from '../support/gateway-in-process.js';
import { ask } from '../support/http.js';
import { routesOf } from '../support/routes.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
const file = join(folder, 'keys');
const [first, second, other] = [newApiKey(), newApiKey(), newApiKey()];
const closed: InProcessGateway[] = [];
let gateway: InProcessGateway;

beforeAll(async () => {
  writeFileSync(file, `# of this test\n${keyLine('alice', first)}\n`);
  gateway = await start({ SLUICE_API_KEYS: file });
});
afterAll(async () => {
  await Promise.all(closed.map((each) => each.close()));
  rmSync(folder, { recursive: true });
});

async function start(env: Record<string, string>): Promise<InProcessGateway> {
  const started = await startInProcessGateway(env);
  closed.push(started);
  return started;
}

/** A closed route that needs no worker and no body. */
const status = async (authorization?: string, url = gateway.url): Promise<number> => {
  const headers = authorization === undefined ? {} : { authorization };
  return (await ask(`${url}/v1/models/digits/ready`, { method: 'GET', headers })).status;
};
const KNOWN = 503;

describe('a request', () => {
  it('is told what to send when it has no key', async () => {
    const answer = await ask(`${gateway.url}/predict`, { body: '{}' });
    expect(answer).toMatchObject({ status: 401, json: { code: 'KEY_REQUIRED' } });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['x-request-id']).toBe(answer.json.request_id);
    expect(answer.json.detail).toContain('Authorization: Bearer');
  });

  it.each(['Bearer', 'bearer', 'BEARER', 'Token'])('is let in with a key after %s', async (scheme) => {
    expect(await status(`${scheme} ${first}`)).toBe(KNOWN);
  });

  it.each([
    ['a key that nobody gave out', `Bearer ${newApiKey()}`],
    ['a key that lacks its end', `Bearer ${first.slice(0, -1)}`],
    ['a key with more behind it', `Bearer ${first}, Bearer ${first}`],
    ['the digest instead of the key', `Bearer ${keyLine('alice', first).split(':')[1]}`],
    ['a scheme that is not taken', `Basic ${Buffer.from(`alice:${first}`).toString('base64')}`],
    ['a key without a scheme', first],
  ])('is refused with %s', async (_, authorization) => {
    expect(await status(authorization)).toBe(401);
  });

  it('is let in without a key where there are none, whatever its Authorization', async () => {
    const { url } = await start({});
    expect(await status(undefined, url)).toBe(KNOWN);
    expect(await status('Bearer nonsense', url)).toBe(KNOWN);
  });
});

describe('the file of keys', () => {
  const becomes = (authorization: string, wanted: number) =>
    until(`a key is answered ${wanted}`, async () => (await status(authorization)) === wanted, 4_000);

  it('gives an owner a second key and takes the first one back, without a restart', async () => {
    writeFileSync(file, `${keyLine('alice', first)}\n${keyLine('alice', second)} # the new one\n`);
    await becomes(`Bearer ${second}`, KNOWN);
    expect(await status(`Bearer ${first}`)).toBe(KNOWN);
    writeFileSync(file, keyLine('alice', second));
    await becomes(`Bearer ${first}`, 401);
    expect(await status(`Bearer ${second}`)).toBe(KNOWN);
  });

  it('is read again when another file is put in its place', async () => {
    writeFileSync(`${file}.new`, `${keyLine('alice', first)}\n${keyLine('bob', other)}\n`);
    renameSync(`${file}.new`, file);
    await becomes(`Bearer ${other}`, KNOWN);
    expect(await status(`Bearer ${second}`)).toBe(401);
  });

  it('keeps a gateway from starting when it is no good from the first', async () => {
    const broken = join(folder, 'broken');
    writeFileSync(broken, `alice ${first}\n`);
    const start = startInProcessGateway({ SLUICE_API_KEYS: broken });
    await expect(start).rejects.toThrow(/SLUICE_API_KEYS.*Line 1 holds a key itself/);
    await expect(startInProcessGateway({ SLUICE_API_KEYS: join(folder, 'none') })).rejects.toThrow(/ENOENT/);
  });
});

describe('every route that is not open', () => {
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
  const OPEN = /^\/(health\/(live|ready)|metrics|docs([/-].*)?)$/;

  const paths = (): string[] => [...new Set(routesOf(gateway.fastify).map(({ path }) => path))];

  const spellings = (path: string): string[] => [
    path,
    `${path}/`,
    `/${path}`,
    path.replace(/(.)\//g, '$1//'),
    `/${encodeURIComponent(path.slice(1))}`,
    `/%${path.charCodeAt(1).toString(16)}${path.slice(2)}`,
    path.toUpperCase(),
    `/.${path}`,
    `/docs/..${path}`,
    `/docs/%2e%2e${path}`,
    `/health/live/../..${path}`,
    `/docs\\..${path}`,
    `${path}?/docs`,
    `${path};/docs/`,
    `${path}#/docs`,
    `http://127.0.0.1${path}`,
    `//127.0.0.1${path}`,
  ];

  const answer = (path: string, method: string, key?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(gateway.url);
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      });
      sent.on('error', reject).end();
    });

  const closedPaths = (): string[] => paths().filter((path) => !OPEN.test(path));

  it('is found by this test', () => {
    expect(closedPaths()).toEqual(expect.arrayContaining(['/predict', '/predict/x/x', '/v1/models/x/ready']));
    expect(paths()).toEqual(expect.arrayContaining(['/health/live', '/metrics', '/docs']));
  });

  it('refuses each method and each spelling without a key', async () => {
    const let_in: string[] = [];
    for (const path of closedPaths()) {
      for (const spelling of spellings(path)) {
        const statuses = await Promise.all(METHODS.map((method) => answer(spelling, method)));
        METHODS.forEach((method, i) => {
          if (![400, 401, 404, 405].includes(statuses[i]!)) let_in.push(`${method} ${spelling}: ${statuses[i]}`);
        });
      }
    }
    expect(let_in).toEqual([]);
  });

  it('and is there for a known key', async () => {
    for (const path of closedPaths()) {
      const headers = { authorization: `Bearer ${first}` };
      // An answer to HEAD has no body that could say which kind of 404 it is.
      const methods = METHODS.filter((method) => method !== 'HEAD');
      const answers = await Promise.all(methods.map((method) => ask(gateway.url + path, { method, headers })));
      expect(answers.map((each) => each.status)).not.toContain(401);
      expect(answers.some((each) => each.status !== 404 || each.json?.code !== 'ROUTE_NOT_FOUND')).toBe(true);
    }
  });

  it('is also a route that does not exist', async () => {
    expect(await answer('/v2/anything', 'GET')).toBe(401);
  });
});

it.each(['/health/live', '/health/ready', '/metrics', '/docs', '/docs/openapi.json'])('%s is open', async (path) => {
  expect((await ask(gateway.url + path, { method: 'GET' })).status).not.toBe(401);
});
