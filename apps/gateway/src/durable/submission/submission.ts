/**
 * A durable prediction on its way into the ledger: its head, its payload, the claims of its idempotency key and alias.
 *
 * Invariant: the fingerprint is of what was sent and not of what it was resolved to or read as, so that a repeated
 * request is the same one even when another version has been made the default, or its own has gone.
 */
import { createHash } from 'node:crypto';
import type { Keys, StoredItem, Submission } from '#inference';
import type { InputItem } from '../../predictions/prediction-input.js';
import type { Content } from '../../predictions/request-content.js';
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
  content: Content;
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
export function claimsOf(keys: Keys, wanted: Wanted, aliasMs: number): Submission['claims'] {
  const { owner, idempotencyKey, alias } = wanted;
  const held = [];
  if (idempotencyKey !== undefined) held.push({ key: keyClaim(keys, owner, idempotencyKey), ttlMs: KEY_CLAIM_MS });
  if (alias !== undefined) held.push({ key: aliasClaim(keys, owner, alias), ttlMs: aliasMs });
  return held.length === 0 ? undefined : { held, fingerprint: fingerprint(wanted) };
}

/** The same for predictions and bulk runs: whichever uses the key first has it. */
export function keyClaim(keys: Keys, owner: string, idempotencyKey: string): string {
  return keys.claim(owner, 'key', digest(idempotencyKey));
}

export function aliasClaim(keys: Keys, owner: string, alias: string): string {
  return keys.claim(owner, 'alias', digest(alias));
}

function fingerprint({ model, version, content, webhook, alias }: Wanted): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([model, version, alias, content.kind, webhook?.url, webhook?.events]));
  for (const piece of content.bytes) hash.update(piece);
  return hash.digest('base64url');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
