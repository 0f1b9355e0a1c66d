/**
 * Writes replies to gateways' streams. One entry per batch and gateway; outputs too large for an entry go to keys of
 * their own first, so that an entry never points at nothing.
 */
import type { Keys } from '../../contract/keys.js';
import {
  MAX_INLINE_RESULT,
  REPLY_TTL_SECONDS,
  RESULT_TTL_SECONDS,
  type ReplyHeader,
  type ReplyResult,
} from '../../contract/reply.js';
import type { Redis } from '../connection.js';

/** How often a stream's expiry is renewed by a writer; the gateway renews it too. */
const RENEW_MS = 10_000;

export type Outcome = Omit<ReplyResult & { status: 'ok' }, 'offset' | 'length' | 'apart'> & { bytes: Uint8Array };
export type Failure = ReplyResult & { status: 'failed' };

export class ReplyWriter {
  private readonly renewed = new Map<string, number>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly worker: string,
  ) {}

  /** Resolves when Redis has the entry; waits for Redis as long as its connection does. */
  async write(gateway: string, batch: ReplyHeader['batch'], outcomes: readonly (Outcome | Failure)[]): Promise<void> {
    const results: ReplyResult[] = [];
    const inline: Uint8Array[] = [];
    const apart: Promise<unknown>[] = [];
    let offset = 0;
    for (const outcome of outcomes) {
      if (outcome.status === 'failed') {
        results.push(outcome);
        continue;
      }
      const { bytes, ...head } = outcome;
      if (bytes.byteLength > MAX_INLINE_RESULT) {
        apart.push(this.redis.set(this.keys.result(outcome.id), asBuffer(bytes), 'EX', RESULT_TTL_SECONDS));
        results.push({ ...head, offset: 0, length: bytes.byteLength, apart: true });
        continue;
      }
      // Frames are read in place at the other end, which wants them aligned.
      const padding = -offset & 7;
      if (padding) inline.push(new Uint8Array(padding));
      offset += padding;
      results.push({ ...head, offset, length: bytes.byteLength });
      inline.push(bytes);
      offset += bytes.byteLength;
    }
    const header: ReplyHeader = { v: 1, worker: this.worker, batch, results };
    const key = this.keys.reply(gateway);
    if (apart.length > 0) await Promise.all(apart);
    const added = this.redis.xadd(key, '*', 'h', JSON.stringify(header), 'b', Buffer.concat(inline));
    this.renew(key);
    await added;
  }

  /** Without this, a reply to a gateway that has died would leave a stream for ever. */
  private renew(key: string): void {
    const now = Date.now();
    if (now - (this.renewed.get(key) ?? 0) < RENEW_MS) return;
    for (const [other, at] of this.renewed) if (now - at > 6 * RENEW_MS) this.renewed.delete(other);
    this.renewed.set(key, now);
    this.redis.expire(key, REPLY_TTL_SECONDS).catch(() => this.renewed.delete(key));
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
