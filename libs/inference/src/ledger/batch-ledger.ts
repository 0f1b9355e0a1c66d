/**
 * Bulk runs in Redis: every change is one of the scripts beside this file.
 *
 * Invariants: rows that `append` says are committed survive whoever sent them; a batch has each row once, however often
 * its upload is repeated. Any call may reject when Redis is away; then nothing is known, and calling again is safe.
 */
import type { Clock } from '../batching/clock.js';
import { parseBatch, type BatchHead, type BatchRecord, type BatchState } from '../contract/batch-record.js';
import type { GenerationRef } from '../contract/durable-job.js';
import { packed } from '../contract/end-to-end.js';
import type { Keys } from '../contract/keys.js';
import type { PredictionRecord, RecordHead } from '../contract/prediction-record.js';
import type { Redis } from '../queue/connection.js';
import type { Script, ScriptArgument } from '../queue/script.js';
import { setPieces } from '../queue/set-pieces.js';
import { APPEND, CANCEL_BATCH, CREATE, SEAL } from './batch-scripts.js';
import { luaJson } from './lua-json.js';
import { LOOK_MS, PAYLOAD_MS, type Ledger, type Transition } from './ledger.js';

/** Chunks that one step of a cancellation ends. */
const CANCELED_AT_ONCE = 32;

export interface Creation {
  id: string;
  head: BatchHead;
  claim?: { key: string; fingerprint: string; ttlMs: number };
  budget: number;
}

export type Created =
  | { kind: 'new' }
  | { kind: 'same'; id: string }
  | { kind: 'conflict' }
  | { kind: 'full'; pendingBytes: number }
  | { kind: 'crowded' };

/** Rows that join a batch, in one record. */
export interface Chunk {
  id: string;
  /** `row` is the number of rows before it. */
  head: RecordHead & { batch: string; row: number };
  payload: readonly Uint8Array[];
  deadline: number;
  budget: number;
}

export type Appended =
  /** Of the batch's `committed` rows so many have not ended. */
  | { kind: 'new'; outbox: string[]; committed: number; left: number }
  /** Somebody else has added rows, or fewer are there than was thought. */
  | { kind: 'moved'; committed: number }
  | { kind: 'closed'; state: BatchState }
  | { kind: 'gone' }
  | { kind: 'full'; pendingBytes: number }
  | { kind: 'crowded' }
  | { kind: 'lost' };

/** Rows whose record is no longer kept. */
export interface ForgottenRows {
  forgotten: true;
  row: number;
  count: number;
}

export interface Chunks {
  chunks: (PredictionRecord | ForgottenRows)[];
  /** Where to go on; undefined after the last. */
  next?: number;
}

export interface CancelStep extends Transition {
  /** Where the next step goes on; undefined after the last. */
  next: number | undefined;
  /** Chunks that were canceled: those that run them are told. */
  canceled: GenerationRef[];
}

export class BatchLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly options: { clock: Clock; ledger: Pick<Ledger, 'readMany'> },
  ) {}

  async create({ id, head, claim, budget }: Creation): Promise<Created> {
    const args = [luaJson(head), claim?.key ?? '', claim?.fingerprint ?? '', claim?.ttlMs ?? 0, Math.round(budget)];
    const [kind, other] = (await this.run(CREATE, this.keys.batch(id), [id, ...args])) as string[];
    if (kind === 'same') return { kind, id: other! };
    if (kind === 'full') return { kind, pendingBytes: Number(other) };
    return { kind: kind === 'new' || kind === 'crowded' ? kind : 'conflict' };
  }

  /** Resolves when Redis has it all. */
  async append({ id, head, payload, deadline, budget }: Chunk): Promise<Appended> {
    const written =
      head.items.length > 0
        ? setPieces(this.redis, { key: this.keys.payload(id), pieces: payload, ttlMs: PAYLOAD_MS, once: true })
        : undefined;
    const rows = head.rows?.length ?? head.items.length;
    const run = this.run(APPEND, this.keys.prediction(id), [
      id,
      luaJson({ ...head, items: packed(head.items) }),
      Math.round(deadline),
      Math.round(Math.min(deadline, this.options.clock.now() + LOOK_MS)),
      Math.round(budget),
      rows,
      rows - head.items.length,
    ]);
    const [, answer] = (await Promise.all([written, run])) as [void, string[]];
    return appended(answer);
  }

  async seal(id: string): Promise<Transition> {
    const [applied, ...outbox] = (await this.run(SEAL, this.keys.batch(id), [id])) as [number, ...string[]];
    return { applied: applied === 1, outbox };
  }

  /** One step of a cancellation, from the chunk at `row` on; the first step already keeps further rows out. */
  async cancel(id: string, row: number): Promise<CancelStep> {
    const answer = await this.run(CANCEL_BATCH, this.keys.batch(id), [id, row, CANCELED_AT_ONCE]);
    const [applied, next, count, ...rest] = answer as [number, string, number, ...string[]];
    if (applied !== 1) return { applied: false, outbox: [], next: undefined, canceled: [] };
    return {
      applied: true,
      next: next === '' ? undefined : Number(next),
      canceled: rest.slice(0, count).map((chunk) => {
        const [id, generation] = chunk.split(' ') as [string, string];
        return { id, generation: Number(generation) };
      }),
      outbox: rest.slice(count),
    };
  }

  async read(id: string): Promise<BatchRecord | undefined> {
    const hash = await this.redis.hgetall(this.keys.batch(id));
    return hash.head === undefined ? undefined : parseBatch(id, hash);
  }

  /** The newest first, those behind `after`. */
  async list(owner: string, { limit, after }: { limit: number; after?: string | undefined }): Promise<BatchRecord[]> {
    const index = this.keys.batches(owner);
    const rank = after === undefined ? -1 : await this.redis.zrevrank(index, after);
    if (rank === null) return [];
    const ids = await this.redis.zrevrange(index, rank + 1, rank + limit);
    const found = await Promise.all(ids.map((id) => this.read(id)));
    return found.filter((batch) => batch !== undefined);
  }

  /** The chunks that begin at `row` or later, in order. */
  async chunks(batch: string, { row, limit }: { row: number; limit: number }): Promise<Chunks> {
    const index = this.keys.chunks(batch);
    // Before the index: rows that are added in between would be taken for the last chunk's.
    const [committed, found] = await Promise.all([
      this.redis.hget(this.keys.batch(batch), 'committed'),
      this.redis.zrangebyscore(index, row, '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1),
    ]);
    const ids = found.filter((_, i) => i % 2 === 0).slice(0, limit);
    const rows = found.filter((_, i) => i % 2 === 1).map(Number);
    const records = await this.options.ledger.readMany(ids);
    // Where the last chunk of all ends, the batch alone can say.
    if (rows.length === ids.length) rows.push(Number(committed));
    return {
      chunks: records.map((record, i) => record ?? { forgotten: true, row: rows[i]!, count: rows[i + 1]! - rows[i]! }),
      ...(found.length > 2 * limit ? { next: rows[limit]! } : {}),
    };
  }

  private run(script: Script, key: string, [id, ...args]: [string, ...ScriptArgument[]]): Promise<unknown> {
    const now = Math.round(this.options.clock.now());
    return script.run(this.redis, { keys: [key], args: [this.keys.prefix, now, id, ...args] });
  }
}

function appended([kind, ...rest]: string[]): Appended {
  switch (kind) {
    case 'new':
      return { kind, committed: Number(rest[0]), left: Number(rest[1]), outbox: rest.slice(2) };
    case 'moved':
      return { kind, committed: Number(rest[0]) };
    case 'closed':
      return { kind, state: rest[0] as BatchState };
    case 'full':
      return { kind, pendingBytes: Number(rest[0]) };
    default:
      return { kind: kind === 'gone' || kind === 'crowded' ? kind : 'lost' };
  }
}
