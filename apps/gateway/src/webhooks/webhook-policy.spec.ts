/**
 * Proves: no spelling of an address, no redirect and no change of a name's address lets a webhook reach what is not
 * public. A canary listens on loopback, by http and by https with a certificate that the sender trusts, and counts.
 */
import { createServer } from 'node:net';
import type { LookupFunction } from 'node:net';
import { SluiceError } from '#inference';
import { Receiver } from '../../../../test/support/receiver.js';
import { Egress } from './egress.js';
import { webhookPolicy } from './webhook-policy.js';

const TRICKY = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '017700000001',
  '127.0.0.1.',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '0',
  '0.0.0.0',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
  '[fe80::1]',
  '[fec0::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[100::1]',
  '[5f00::1]',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '168.63.129.16',
  '[::ffff:168.63.129.16]',
  '198.18.0.1',
  '192.0.0.8',
  '192.0.2.1',
  '198.51.100.1',
  '203.0.113.1',
  '192.88.99.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '%31%32%37.0.0.1',
];
const TRICKY_NAMES = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'printer.local',
  'metadata.google.internal',
];
const never = new AbortController().signal;

const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'passed';
  } catch (error) {
    return error instanceof SluiceError ? error.code : String(error);
  }
};

/** Answers every name with these addresses, one list a call, the last for ever. */
function resolver(...answers: string[][]): LookupFunction & { calls: number } {
  const lookup = Object.assign(
    ((_name, _options, callback) => {
      const found = answers[Math.min(lookup.calls++, answers.length - 1)]!;
      setImmediate(() =>
        callback(
          null,
          found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      );
    }) as LookupFunction,
    { calls: 0 },
  );
  return lookup;
}

describe('addresses of webhooks', () => {
  let http: Receiver;
  let https: Receiver;
  let raw: { port: number; connections: number; close(): void };
  const egresses: Egress[] = [];

  beforeAll(async () => {
    http = await Receiver.start();
    https = await Receiver.startTls();
    const server = createServer((socket) => {
      raw.connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    raw = { connections: 0, port: (server.address() as { port: number }).port, close: () => server.close() };
  });
  afterAll(async () => {
    await Promise.all(egresses.map((egress) => egress.close()));
    await http.close();
    await https.close();
    raw.close();
  });

  function egress(cidrs: string[] = [], lookup?: LookupFunction): Egress {
    const made = new Egress({
      policy: webhookPolicy(cidrs),
      timeoutMs: 2_000,
      ca: https.certificate!,
      ...(lookup ? { lookup } : {}),
    });
    egresses.push(made);
    return made;
  }

  const post = (from: Egress, url: string) =>
    from.post({ url: new URL(url), headers: { 'content-type': 'application/json' }, body: '{}', signal: never });

  it.each([...TRICKY, ...TRICKY_NAMES])('refuses %s when it is given, whatever the port', (host) => {
    const policy = webhookPolicy([]);
    for (const way of ['https://H/', 'https://H:8443/hook?a=1', 'http://H/', 'https://H:444/', 'https://user@H/']) {
      expect(codeOf(() => policy.check(way.replace('H', host)))).toBe('WEBHOOK_REFUSED');
    }
  });

  it('reaches the canary 0 times by any of them, though none was checked before it is sent to', async () => {
    const out = egress();
    for (const host of [...TRICKY, ...TRICKY_NAMES]) {
      for (const port of [http.port, https.port, raw.port]) {
        for (const protocol of ['http', 'https']) {
          let url: string;
          try {
            url = new URL(`${protocol}://${host}:${port}/`).href;
          } catch {
            continue;
          }
          expect(await post(out, url)).toMatchObject({ failure: 'address-refused' });
        }
      }
    }
    expect([http.connections, https.connections, raw.connections]).toEqual([0, 0, 0]);
  });

  it.each(TRICKY.filter((host) => !host.startsWith('%') && /^[[\d]/.test(host)))(
    'does not dial a name that resolves to %s, alone or beside a public address',
    async (host) => {
      const address = new URL(`http://${host}/`).hostname.replace(/^\[|\]$/g, '');
      for (const answer of [[address], ['1.1.1.1', address], [address, '2606:4700::1']]) {
        const lookup = resolver(answer);
        expect(await post(egress([], lookup), `https://rebind.example/`)).toMatchObject({ failure: 'address-refused' });
        expect(lookup.calls).toBe(1);
      }
    },
  );

  it('does not follow a name that was public when it was checked and is loopback when it is dialled', async () => {
    const policy = webhookPolicy([]);
    expect(codeOf(() => policy.check('https://rebind.example:8443/'))).toBe('passed');
    const lookup = resolver(['127.0.0.1']);
    expect(await post(egress([], lookup), 'https://rebind.example:8443/')).toMatchObject({
      failure: 'address-refused',
    });
    // Dialled is what was checked: within one attempt a name is resolved once, so a second answer has no say.
    const turning = resolver(['127.0.0.1'], ['127.0.0.2']);
    await post(egress(['127.0.0.1/32'], turning), `http://rebind.example:${http.port}/`);
    expect(turning.calls).toBe(1);
    expect(http.requests.map(({ to }) => to)).toEqual(['127.0.0.1']);
    http.forget();
  });

  it('does not follow a redirect', async () => {
    const out = egress(['127.0.0.0/8']);
    for (const status of [301, 302, 303, 307, 308]) {
      http.answer({ status, headers: { location: `http://127.0.0.1:${raw.port}/` } });
      expect(await post(out, http.url)).toMatchObject({ status });
    }
    expect(raw.connections).toBe(0);
    http.forget();
  });

  it('lets an allow-list open its own addresses alone, by http and on any port', async () => {
    const policy = webhookPolicy(['127.0.0.0/8', 'fd00::/8']);
    const passes = [
      'http://127.0.0.1:9000/',
      'https://127.9.9.9/',
      'http://[fd00::1]:80/',
      'http://[::ffff:127.0.0.1]/',
    ];
    for (const url of passes) expect(codeOf(() => policy.check(url))).toBe('passed');
    for (const url of [
      'http://10.0.0.1/',
      'https://[::1]/',
      'http://1.1.1.1/',
      'https://1.1.1.1:444/',
      'ftp://127.0.0.1/',
    ]) {
      expect(codeOf(() => policy.check(url))).toBe('WEBHOOK_REFUSED');
    }
    const out = egress(['127.0.0.0/8'], resolver(['10.0.0.1'], ['1.1.1.1'], ['127.0.0.1', '10.0.0.1'], ['127.0.0.1']));
    for (let i = 0; i < 3; i++)
      expect(await post(out, `http://name.example:${http.port}/`)).toMatchObject({ failure: 'address-refused' });
    expect(await post(out, `http://name.example:${http.port}/`)).toMatchObject({ status: 200 });
    expect(await post(egress(), http.url)).toMatchObject({ failure: 'address-refused' });
    http.forget();
  });

  it('takes public https URLs, and nothing that is none', () => {
    const policy = webhookPolicy([]);
    for (const url of [
      'https://example.com/hook?x=1',
      'https://1.1.1.1:8443/',
      'https://[2606:4700::1111]/',
      'https://xn--bcher-kva.example/',
    ]) {
      expect(codeOf(() => policy.check(url))).toBe('passed');
    }
    for (const url of [
      '',
      'example.com',
      'file:///etc/passwd',
      'gopher://1.1.1.1/',
      'https://',
      `https://a.example/${'x'.repeat(2_048)}`,
      // 600 characters, 3 600 as they are sent.
      `https://a.example/${'ж'.repeat(600)}`,
    ]) {
      expect(codeOf(() => policy.check(url))).toBe('WEBHOOK_REFUSED');
    }
  });

  it('verifies certificates, whatever the environment says, and reads no proxy from it', async () => {
    const { NODE_TLS_REJECT_UNAUTHORIZED: before } = process.env;
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    process.env['HTTPS_PROXY'] = process.env['HTTP_PROXY'] = `http://127.0.0.1:${raw.port}`;
    try {
      const distrusting = new Egress({ policy: webhookPolicy(['127.0.0.0/8']), timeoutMs: 2_000 });
      egresses.push(distrusting);
      expect(await post(distrusting, https.url)).toMatchObject({ failure: 'tls' });
      expect(await post(egress(['127.0.0.0/8']), https.url)).toMatchObject({ status: 200 });
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
      delete process.env['HTTPS_PROXY'];
      delete process.env['HTTP_PROXY'];
    }
    expect(raw.connections).toBe(0);
  });
});
