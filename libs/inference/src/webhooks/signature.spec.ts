/** Proves: what is signed here every implementation of Standard Webhooks takes, and nothing else passes here. */
import { Webhook } from 'standardwebhooks';
import { newSecret, secretBytes, sign, signedHeaders, verify, type WebhookMessage } from './signature.js';

const VECTOR = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  message: { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' },
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const { secret, message } = VECTOR;
const now = message.timestamp;

function check(changes: {
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  secrets?: string[];
  now?: number;
}) {
  const headers = { ...signedHeaders(message, [secret]), ...changes.headers };
  return verify({ body: message.body, secrets: [secret], now, ...changes, headers });
}

it('signs as the published vector says, and verifies it', () => {
  expect(sign(message, [secret])).toBe(VECTOR.signature);
  expect(check({})).toBe('valid');
});

it('gives what the library of the standard gives, for any secret and body, and each verifies the other', () => {
  for (const body of ['', '{}', 'ünïcode ✓', 'x'.repeat(10_000)]) {
    const own = newSecret();
    const at: WebhookMessage = { id: 'msg_1', timestamp: Math.floor(Date.now() / 1_000), body };
    const library = new Webhook(own);
    expect(sign(at, [own])).toBe(library.sign(at.id, new Date(at.timestamp * 1_000), body));
    const headers = signedHeaders(at, [newSecret(), own]);
    if (body === '{}') expect(library.verify(body, headers)).toEqual({});
    expect(verify({ headers, body, secrets: [own] })).toBe('valid');
    expect(verify({ headers, body: Buffer.from(body), secrets: [own] })).toBe('valid');
  }
});

it('refuses a body of which any one byte was changed', () => {
  const bytes = Buffer.from(message.body);
  for (let i = 0; i < bytes.length; i++) {
    const tampered = Buffer.from(bytes);
    tampered[i]! ^= 1;
    expect(check({ body: tampered })).toBe('signature-wrong');
  }
});

it('refuses another id, another timestamp, another secret and a signature of which any one character was changed', () => {
  expect(check({ headers: { 'webhook-id': `${message.id}x` } })).toBe('signature-wrong');
  expect(check({ headers: { 'webhook-timestamp': String(now + 1) } })).toBe('signature-wrong');
  expect(check({ secrets: [newSecret()] })).toBe('signature-wrong');
  // The last character of base64 before the padding holds two bits that mean nothing.
  for (let i = 0; i < VECTOR.signature.length - 2; i++) {
    const other = VECTOR.signature[i] === 'A' ? 'B' : 'A';
    const signature = VECTOR.signature.slice(0, i) + other + VECTOR.signature.slice(i + 1);
    expect(check({ headers: { 'webhook-signature': signature } })).toBe('signature-wrong');
  }
});

it('refuses what is older or newer than five minutes', () => {
  expect(check({ now: now + 300 })).toBe('valid');
  expect(check({ now: now + 301 })).toBe('too-old');
  expect(check({ now: now - 300 })).toBe('valid');
  expect(check({ now: now - 301 })).toBe('too-new');
  expect(check({ headers: { 'webhook-timestamp': '1e9' } })).toBe('timestamp-malformed');
  expect(check({ headers: { 'webhook-timestamp': '' } })).toBe('timestamp-malformed');
});

it('says when headers are missing', () => {
  expect(verify({ headers: {}, body: '', secrets: [secret] })).toBe('headers-missing');
});

it('lets both secrets of a rotation pass, wherever the receiver stands', () => {
  const next = newSecret();
  const headers = signedHeaders(message, [next, secret]);
  expect(headers['webhook-signature']!.split(' ')).toHaveLength(2);
  for (const known of [[next], [secret], [next, secret]]) {
    expect(verify({ headers, body: message.body, secrets: known, now })).toBe('valid');
  }
});

it('ignores signatures of versions that it does not know', () => {
  expect(check({ headers: { 'webhook-signature': `v1a,AAAA ${VECTOR.signature}` } })).toBe('valid');
  expect(check({ headers: { 'webhook-signature': VECTOR.signature.replace('v1,', 'v2,') } })).toBe('signature-wrong');
});

it('takes only secrets of 24 to 64 bytes in base64', () => {
  const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`;
  expect([23, 24, 64, 65].map((bytes) => secretBytes(of(bytes))?.length)).toEqual([undefined, 24, 64, undefined]);
  expect(secretBytes(newSecret())).toHaveLength(32);
  const good = of(32);
  for (const bad of ['', 'whsec_', good.slice(6), `whpk_${good.slice(6)}`, `${good} `, good.replace('A', '-')]) {
    expect(secretBytes(bad)).toBeUndefined();
  }
  expect(() => sign(message, ['whsec_c2hvcnQ='])).toThrow(/24 to 64 bytes/);
});
