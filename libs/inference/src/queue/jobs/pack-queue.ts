/**
 * The sending end of the fast lane: writes a pack's payload and adds its job, in this order on one connection, so
 * that no worker sees the job before its bytes.
 *
 * Invariant: adding the same pack twice runs it at most once more (its id is the job's id), so that an add whose
 * fate is unknown may be repeated.
 */
import type { Keys } from '../../contract/keys.js';
import type { Pack } from '../../contract/pack.js';
import type { Redis } from '../connection.js';
import { setPieces } from '../set-pieces.js';
import { OpenQueue } from './open-queue.js';

/** A payload outlives its last deadline by this much, for a worker that takes the pack over late. */
const PAYLOAD_GRACE_MS = 60_000;

export interface OutgoingPack {
  id: string;
  pack: Pack;
  /** End to end, the bytes that the items' offsets and lengths cut up. */
  payload: readonly Uint8Array[];
  /** Milliseconds from now to the latest deadline in the pack. */
  lifetimeMs: number;
}

export class PackQueue {
  private readonly queue: OpenQueue;

  constructor(
    name: string,
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {
    this.queue = new OpenQueue(name, redis, keys);
  }

  /** Resolves when Redis has both. A rejection leaves open whether it has. */
  async add({ id, pack, payload, lifetimeMs }: OutgoingPack): Promise<void> {
    const queue = await this.queue.open();
    const ttlMs = Math.ceil(Math.max(0, lifetimeMs)) + PAYLOAD_GRACE_MS;
    const written = setPieces(this.redis, { key: this.keys.payload(id), pieces: payload, ttlMs });
    const added = queue.add('pack', pack, { jobId: id, removeOnComplete: true, removeOnFail: true });
    const failed = (await Promise.allSettled([written, added])).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Opens the queue ahead of its first pack; a failure shows again, and is told, at that pack. */
  warm(): void {
    this.queue.open().catch(() => undefined);
  }

  /** Packs that no worker has taken. */
  async backlog(): Promise<number> {
    return (await this.queue.open()).getWaitingCount();
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}
