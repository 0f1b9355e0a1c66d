/** Ids of gateways, workers, packs, predictions and batches of predictions: 128 random bits, base64url with a letter in front. */
import { randomFillSync } from 'node:crypto';

// Random bytes are drawn for many ids at once: one call of the generator each would cost more than the id itself.
const pool = Buffer.alloc(16 * 256);
let used = pool.length;

export function newId(letter: 'g' | 'w' | 'k' | 'p' | 'b'): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  // BullMQ refuses ids that are digits only or hold a colon; a leading letter and base64url rule out both.
  const id = letter + pool.toString('base64url', used, used + 16);
  used += 16;
  return id;
}
