/**
 * Standard Webhooks 1.0: who signs and who verifies share this file (https://www.standardwebhooks.com).
 *
 * Signed is `<id>.<timestamp>.<body>` with HMAC-SHA256 and the bytes that a secret `whsec_<base64>` stands for; several
 * secrets give several signatures, so that a receiver which knows any of them is served while secrets change.
 * Invariants: a secret has 24-64 bytes; it is compared in constant time; no sentence here ever holds one.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const PREFIX = 'whsec_';
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;
const NEW_SECRET_BYTES = 32;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** Older or further ahead than this, a message may be one that somebody recorded and plays again. */
export const TOLERANCE_SECONDS = 300;
/** Beyond this a list of signatures is an attempt to make the receiver count. */
const MAX_SIGNATURES = 32;

export interface WebhookMessage {
  id: string;
  /** Whole seconds since 1970. */
  timestamp: number;
  body: string | Uint8Array;
}

/** The bytes of `whsec_…`; undefined when it is not a secret of 24-64 bytes. */
export function secretBytes(secret: string): Buffer | undefined {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  if (!BASE64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Node decodes leniently: what does not come back the same was cut short or padded wrongly.
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) return undefined;
  return bytes.length >= MIN_SECRET_BYTES && bytes.length <= MAX_SECRET_BYTES ? bytes : undefined;
}

export function newSecret(): string {
  return PREFIX + randomBytes(NEW_SECRET_BYTES).toString('base64');
}

/** The value of `webhook-signature`: one signature a secret, in their order. @throws when one is not a secret. */
export function sign(message: WebhookMessage, secrets: readonly string[]): string {
  return secrets.map((secret) => `v1,${digest(message, keyOf(secret)).toString('base64')}`).join(' ');
}

/** The three headers of one attempt. */
export function signedHeaders(message: WebhookMessage, secrets: readonly string[]): Record<string, string> {
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestamp),
    'webhook-signature': sign(message, secrets),
  };
}

export type SignatureVerdict =
  'valid' | 'headers-missing' | 'timestamp-malformed' | 'too-old' | 'too-new' | 'signature-wrong';

export interface Verification {
  /** As Node gives them: names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** Exactly as it came, byte by byte. */
  body: string | Uint8Array;
  secrets: readonly string[];
  /** Seconds since 1970; default: this machine's clock. */
  now?: number;
}

/** @throws when one of the secrets is not a secret. */
export function verify({ headers, body, secrets, now = Date.now() / 1_000 }: Verification): SignatureVerdict {
  const id = headers['webhook-id'];
  const stamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof stamp !== 'string' || typeof signatures !== 'string') return 'headers-missing';
  if (!/^\d{1,12}$/.test(stamp)) return 'timestamp-malformed';
  const timestamp = Number(stamp);
  if (now - timestamp > TOLERANCE_SECONDS) return 'too-old';
  if (timestamp - now > TOLERANCE_SECONDS) return 'too-new';
  const expected = secrets.map((secret) => digest({ id, timestamp: stamp, body }, keyOf(secret)));
  const given = signatures.split(' ', MAX_SIGNATURES).filter((each) => each.startsWith('v1,'));
  const matches = given.some((each) => {
    const bytes = Buffer.from(each.slice('v1,'.length), 'base64');
    return expected.some((one) => bytes.length === one.length && timingSafeEqual(bytes, one));
  });
  return matches ? 'valid' : 'signature-wrong';
}

/** The timestamp as it stands in the header, for that is what was signed. */
function digest(
  { id, timestamp, body }: Omit<WebhookMessage, 'timestamp'> & { timestamp: number | string },
  key: Buffer,
): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}

function keyOf(secret: string): Buffer {
  const key = secretBytes(secret);
  if (!key) {
    throw new Error(
      `A webhook secret is "${PREFIX}" and the base64 of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes; this one is not.`,
    );
  }
  return key;
}
