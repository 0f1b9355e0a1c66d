/**
 * A durable prediction on its way into the ledger: its head, its payload, the claims of its idempotency key and alias.
 *
 * Invariant: the fingerprint is of what was asked for and not of what it was resolved to, so that a repeated request is
 * the same one even after a new version has been made the default.
 */
import { createHash } from 'node:crypto';
import type { Keys, StoredItem, Submission } from '#inference';
import type { InputItem, PredictionInput } from '../../predictions/prediction-input.js';
import type { WebhookWish } from '../preferences.js';

/** Frames start at multiples of this inside a payload, so that they are read in place. */
const ALIGNMENT = 8;
/** How long the same idempotency key means the same prediction, or the same batch. */
export const KEY_CLAIM_MS = 24 * 3_600_000;

export interface Wanted {
  owner: string;
  /** As the request names them. */
  model?: string | undefined;
  version?: string | undefined;
  input: PredictionInput;
  webhook?: WebhookWish | undefined;
  idempotencyKey?: string | undefined;
  /** The client's own id. */
  alias?: string | undefined;
}

export function stored(items: readonly InputItem[]): { items: StoredItem[]; payload: Uint8Array[]; bytes: number } {
  const stored: StoredItem[] = [];
  const payload: Uint8Array[] = [];
  let offset = 0;
  for (const { type, rows, bytes } of items) {
    const padding = -offset & (ALIGNMENT - 1);
    if (padding > 0) payload.push(new Uint8Array(padding));
    offset += padding;
    let length = 0;
    for (const piece of bytes) {
      payload.push(piece);
      length += piece.byteLength;
    }
    stored.push({ type, rows, offset, length });
    offset += length;
  }
  return { items: stored, payload, bytes: offset };
}

/** The claims of a request that names an idempotency key or an id of its own; undefined for one that does not. */
export function claimsOf(keys: Keys, wanted: Wanted, ttl: { keyMs: number; aliasMs: number }): Submission['claims'] {
  const { owner, idempotencyKey, alias } = wanted;
  const claims: string[] = [];
  if (idempotencyKey !== undefined) claims.push(keyClaim(keys, owner, idempotencyKey));
  if (alias !== undefined) claims.push(aliasClaim(keys, owner, alias));
  if (claims.length === 0) return undefined;
  const ttlMs = alias === undefined ? ttl.keyMs : Math.max(ttl.keyMs, ttl.aliasMs);
  return { keys: claims, fingerprint: fingerprint(wanted), ttlMs };
}

/** The same for predictions and bulk runs: whichever uses the key first has it. */
export function keyClaim(keys: Keys, owner: string, idempotencyKey: string): string {
  return keys.claim(owner, 'key', digest(idempotencyKey));
}

export function aliasClaim(keys: Keys, owner: string, alias: string): string {
  return keys.claim(owner, 'alias', digest(alias));
}

function fingerprint({ model, version, input, webhook, alias }: Wanted): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([model, version, alias, input.form, webhook?.url, webhook?.events]));
  for (const { type, rows, bytes } of input.items) {
    hash.update(`${type} ${rows} ${bytes.reduce((sum, piece) => sum + piece.byteLength, 0)} `);
    for (const piece of bytes) hash.update(piece);
  }
  return hash.digest('base64url');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
