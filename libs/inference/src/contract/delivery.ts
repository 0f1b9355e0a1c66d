/**
 * A delivery as Redis keeps it, under `delivery:<webhook-id>`: whom it is for, where it stands, what each attempt met.
 *
 * The hash is written by the scripts in webhooks/ alone; this schema is how everybody reads it. Nothing that a receiver
 * answered is in it but a status.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DELIVERY_EVENTS } from './prediction-record.js';

export const DELIVERY_STATES = ['pending', 'delivered', 'failed', 'disabled', 'canceled'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** No attempt left; waited too long for its endpoint; endpoint answered 410; what it would tell of is gone. */
export const DELIVERY_REASONS = ['exhausted', 'expired', 'endpoint-disabled', 'subject-gone'] as const;
export type DeliveryReason = (typeof DELIVERY_REASONS)[number];

/** Why an attempt got no status: all that is told of it, for more would show what lies behind an address. */
export const ATTEMPT_FAILURES = ['timeout', 'address-refused', 'dns', 'connect', 'tls', 'broken', 'unsigned'] as const;
export type AttemptFailure = (typeof ATTEMPT_FAILURES)[number];

export const PAYLOADS = ['full', 'thin'] as const;
export type PayloadKind = (typeof PAYLOADS)[number];

/** What never changes: one field of the hash. */
export const deliveryHead = z.object({
  owner: z.string(),
  /** The prediction or batch. */
  subject: z.string(),
  event: z.enum(DELIVERY_EVENTS),
  generation: z.number().int().nonnegative(),
  endpoint: z.string(),
  url: z.string(),
  /** When the event was, and when the delivery was begun: milliseconds by Redis' clock. */
  at: z.number(),
  created: z.number(),
});
export type DeliveryHead = z.infer<typeof deliveryHead>;

const number = z.coerce.number();

const deliveryHash = z.object({
  state: z.enum(DELIVERY_STATES),
  /** Counts replays; a job of an older round has no say. */
  round: number,
  /** Of this round. */
  attempts: number,
  /** When the next attempt may be. */
  next: number.optional(),
  completed: number.optional(),
  reason: z.enum(DELIVERY_REASONS).optional(),
  log: z.string().default(''),
});

export interface Attempt {
  at: number;
  ms: number;
  round: number;
  status?: number;
  failure?: AttemptFailure;
}

export type DeliveryRecord = { id: string } & DeliveryHead &
  Omit<z.infer<typeof deliveryHash>, 'log'> & {
    /** The last of them, the oldest first. */
    log: Attempt[];
  };

/** @throws when the hash is not a delivery of this build. */
export function parseDelivery(id: string, hash: Record<string, string>): DeliveryRecord {
  const { head = '', ...rest } = hash;
  const { log, ...state } = deliveryHash.parse(rest);
  return { id, ...deliveryHead.parse(JSON.parse(head)), ...state, log: parseAttempts(log) };
}

/** One line of the log: `<at> <ms> <round> <status or failure>`. */
export function attemptLine({ at, ms, round, status, failure }: Attempt): string {
  return `${Math.round(at)} ${Math.round(ms)} ${round} ${status ?? failure ?? 'broken'}\n`;
}

const attemptParts = z.tuple([number, number, number, z.union([number, z.enum(ATTEMPT_FAILURES)])]);

function parseAttempts(log: string): Attempt[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [at, ms, round, met] = attemptParts.parse(line.split(' '));
      return { at, ms, round, ...(typeof met === 'number' ? { status: met } : { failure: met }) };
    });
}

export const endpointSecret = z.object({
  secret: z.string(),
  /** Milliseconds by Redis' clock until which it still signs; none: it is the current one. */
  until: z.number().optional(),
});

/** Where deliveries go: an owner's origin and path. Its query is no part of it, for callers put tokens of a prediction there. */
const endpointHash = z.object({
  owner: z.string(),
  url: z.string(),
  payload: z.enum(PAYLOADS).optional(),
  /** JSON list, the current one first; none for an endpoint that nobody registered and that was disabled. */
  secrets: z
    .string()
    .default('[]')
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(endpointSecret)),
  created: number,
  updated: number,
  /** When its receiver answered 410. */
  disabled: number.optional(),
});
export type Endpoint = { id: string } & z.infer<typeof endpointHash>;

export function parseEndpoint(id: string, hash: Record<string, string>): Endpoint {
  return { id, ...endpointHash.parse(hash) };
}

/** The part of a URL that makes an endpoint. */
export function endpointUrl(url: URL): string {
  return url.origin + url.pathname;
}

/** The same for everybody who computes it, so that finding a URL's endpoint is one read. */
export function endpointId(owner: string, url: URL): string {
  const digest = createHash('sha256')
    .update(`${owner}\n${endpointUrl(url)}`)
    .digest('base64url');
  return `e${digest.slice(0, 22)}`;
}
