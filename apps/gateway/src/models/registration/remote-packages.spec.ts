/** A package is fetched from where it may be, whole, or not at all; a canary on loopback counts who came. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Receiver } from '../../../../../test/support/receiver.js';
import { RemotePackages, type RemotePackagesOptions } from './remote-packages.js';

const content = Buffer.alloc(200_000, 'a package');
const sha256 = createHash('sha256').update(content).digest('hex');
const never = new AbortController().signal;

describe('a package of a URL', () => {
  let server: Receiver;
  let canary: Receiver;
  let base: string;
  const made: RemotePackages[] = [];

  beforeAll(async () => {
    server = await Receiver.startTls();
    canary = await Receiver.start();
    base = `https://127.0.0.1:${server.port}/models/`;
  });
  afterEach(() => {
    server.forget();
    canary.forget();
  });
  afterAll(async () => {
    await Promise.all(made.map((each) => each.close()));
    await server.close();
    await canary.close();
  });

  function packages(options: Partial<RemotePackagesOptions> = {}): RemotePackages {
    const allowed = { sources: [base], allowCidrs: ['127.0.0.0/8'], maxBytes: 1_000_000, ca: server.certificate! };
    const remote = new RemotePackages({ ...allowed, stepMs: 1_000, ...options });
    made.push(remote);
    return remote;
  }

  async function fetched(remote: RemotePackages, url = `${base}net%20one.zip`, sum = sha256): Promise<Buffer> {
    return buffer((await remote.fetch({ url, sha256: sum, signal: never })).bytes);
  }

  const answer = (body: Buffer, headers: Record<string, string> = {}): void =>
    server.answer((_received, response) => void response.writeHead(200, headers).end(body));

  it('comes as it is, with a name', async () => {
    answer(content);
    const { bytes, fileName } = await packages().fetch({ url: `${base}net%20one.zip`, sha256, signal: never });
    expect(fileName).toBe('net one.zip');
    expect(await buffer(bytes)).toEqual(content);
    expect(server.requests.map(({ path }) => path)).toEqual(['/models/net%20one.zip']);
  });

  it('is never fetched unless a source is set', async () => {
    await expect(fetched(packages({ sources: [] }))).rejects.toMatchObject({
      code: 'PACKAGE_SOURCE_REFUSED',
      message: expect.stringMatching(/SLUICE_PACKAGE_SOURCES is not set/),
    });
    expect(server.connections).toBe(0);
  });

  it.each([
    ['/other/net.zip', /is not below a source/],
    ['/models/../other/net.zip', /is not below a source/],
    ['/models/%2e%2e/other/net.zip', /is not below a source/],
    ['/models', /is not below a source/],
    ['/modelsx/net.zip', /is not below a source/],
    ['/models/..%2fother/net.zip', /an encoded slash/],
    ['/models/..%5Cother', /an encoded slash/],
  ])('is not fetched from %s', async (path, message) => {
    await expect(fetched(packages(), `https://127.0.0.1:${server.port}${path}`)).rejects.toMatchObject({
      code: 'PACKAGE_SOURCE_REFUSED',
      message: expect.stringMatching(message),
    });
    expect(server.connections).toBe(0);
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/models/', 'net.zip', '', 'https://user:pw@127.0.0.1/models/x'])(
    'is not fetched from %j',
    async (url) => {
      await expect(fetched(packages(), url)).rejects.toMatchObject({ code: 'PACKAGE_SOURCE_REFUSED' });
    },
  );

  it('is not fetched from addresses that are not public, named or resolved, though their source is allowed', async () => {
    const inner = { allowCidrs: [], sources: [base, 'https://models.example/', 'https://localhost/'] };
    await expect(fetched(packages(inner))).rejects.toMatchObject({ code: 'PACKAGE_SOURCE_REFUSED' });
    await expect(fetched(packages(inner), 'https://localhost/x')).rejects.toThrow(/internal network/);
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'fd00::1', '::ffff:127.0.0.1']) {
      const lookup: LookupFunction = (_name, _options, callback) =>
        callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]);
      await expect(fetched(packages({ ...inner, lookup }), 'https://models.example/x')).rejects.toMatchObject({
        code: 'PACKAGE_SOURCE_REFUSED',
        message: expect.stringMatching(/leads to an address that may not be reached/),
      });
    }
    expect(server.connections).toBe(0);
  });

  it('is fetched over redirects that stay below a source, three at most', async () => {
    let left = 3;
    server.answer((_received, response) => {
      if (left-- > 0) response.writeHead(302, { location: `../models/step-${left}.zip` }).end('moved');
      else response.end(content);
    });
    expect(await fetched(packages())).toEqual(content);
    expect(server.requests).toHaveLength(4);
    left = 4;
    await expect(fetched(packages())).rejects.toMatchObject({
      code: 'PACKAGE_SOURCE_FAILED',
      message: expect.stringMatching(/redirected more than 3 times/),
    });
  });

  it('is not fetched over a redirect that leaves its source', async () => {
    for (const location of [canary.url, '/other', '//169.254.169.254/models/', 'http://models/', 'gopher://x/']) {
      server.answer({ status: 302, headers: { location } });
      await expect(fetched(packages())).rejects.toMatchObject({ code: 'PACKAGE_SOURCE_REFUSED' });
    }
    server.answer({ status: 302 });
    await expect(fetched(packages())).rejects.toThrow(/redirected to what is no URL/);
    expect(canary.connections).toBe(0);
  });

  it('is the file whose sum was stated, or none', async () => {
    answer(Buffer.concat([content, Buffer.from('!')]));
    await expect(fetched(packages())).rejects.toMatchObject({
      code: 'PACKAGE_INVALID',
      message: expect.stringMatching(/has the sha256 [0-9a-f]{64}; expected/),
    });
    for (const sum of ['', 'abc', sha256.toUpperCase(), `sha256-${sha256}`]) {
      await expect(fetched(packages(), undefined, sum)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
    }
  });

  it.each([
    ['declared', { 'content-length': '200000' }],
    ['not declared', {}],
  ])('is no larger than a package may be, %s', async (_what, headers) => {
    answer(content, headers);
    await expect(fetched(packages({ maxBytes: 100_000 }))).rejects.toMatchObject({
      code: 'PACKAGE_INVALID',
      message: expect.stringMatching(/more than 100000 bytes/),
    });
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['is not there', (response) => response.writeHead(404).end(), /answered 404; expected 200/],
    [
      'comes encoded',
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      /encoded the file/,
    ],
    ['breaks off', (response) => response.writeHead(200).write('x', () => response.destroy()), /broke off/],
    ['does not begin', () => undefined, /was too slow/],
    ['does not end', (response) => response.writeHead(200).write('x'), /was too slow/],
  ])('fails when it %s', async (_what, reply, message) => {
    server.answer((_received, response) => reply(response));
    await expect(fetched(packages())).rejects.toMatchObject({
      code: 'PACKAGE_SOURCE_FAILED',
      message: expect.stringMatching(message),
    });
  });

  it('has an end, though it trickles', async () => {
    server.answer((_received, response) => {
      const trickle = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(trickle));
    });
    await expect(fetched(packages({ totalMs: 500 }))).rejects.toMatchObject({ code: 'PACKAGE_SOURCE_FAILED' });
  });

  it('is left when the caller hangs up', async () => {
    const gone = new AbortController();
    server.answer((_received, response) => response.writeHead(200).write('x', () => gone.abort(new Error('hung up'))));
    const fetching = packages().fetch({ url: `${base}x`, sha256, signal: gone.signal });
    await expect(fetching.then(({ bytes }) => buffer(bytes))).rejects.toThrow('hung up');
  });

  it('is not fetched from a server whose certificate nobody signed', async () => {
    answer(content);
    await expect(fetched(packages({ ca: undefined as never }))).rejects.toMatchObject({
      code: 'PACKAGE_SOURCE_FAILED',
    });
    expect(server.requests).toHaveLength(0);
  });
});
