/**
 * The life of durable predictions in Redis: every change is one of the scripts beside this file, called here.
 *
 * Invariants: a prediction runs to exactly one terminal state in each generation; what a script answers is what
 * happened, so that whoever lost a race learns it by `applied: false`. Any call may reject when Redis is away; then
 * nothing is known, and calling again is safe.
 */
import type { Clock } from '../batching/clock.js';
import type { GenerationRef } from '../contract/durable-job.js';
import { packed } from '../contract/end-to-end.js';
import type { Keys } from '../contract/keys.js';
import {
  isTerminal,
  parseRecord,
  UnreadableRecord,
  type DeadReason,
  type OutputItem,
  type PredictionRecord,
  type RecordHead,
  type RunMetrics,
} from '../contract/prediction-record.js';
import type { ErrorCode } from '../errors.js';
import type { Redis } from '../queue/connection.js';
import { gather } from '../queue/gather.js';
import type { Script, ScriptArgument } from '../queue/script.js';
import { setPieces } from '../queue/set-pieces.js';
import { luaJson } from './lua-json.js';
import { SUBMIT } from './submit.js';
import { AGAIN, BEGIN, CANCEL, EXPIRE, FAIL, PURGE, RETRY, SUCCEED, SWEEP, WATCH } from './transitions.js';

/** How long a payload waits for its submission before it goes by itself. */
export const PAYLOAD_MS = 60_000;
/** A prediction that has not ended is looked at this often by the reconciler, and at its deadline. */
export const LOOK_MS = 30_000;

export interface Submission {
  id: string;
  head: RecordHead;
  payload: readonly Uint8Array[];
  deadline: number;
  /** Bytes that all inputs and outputs may take. */
  budget: number;
  /** Gateway that is told of every transition from the first on. */
  watcher?: string;
  /** Claims on an idempotency key and an alias: while one lives, the same fingerprint gets the same prediction. */
  claims?: { held: { key: string; ttlMs: number }[]; fingerprint: string };
  /** The job that it goes with, which whoever submits it adds; else it gets one of its own. */
  job?: string;
}

export type Submitted =
  | { kind: 'new'; outbox: string[] }
  | { kind: 'same'; id: string }
  | { kind: 'conflict' }
  | { kind: 'full'; pendingBytes: number }
  /** What has ended is removed as fast as can be, and this has no room yet. */
  | { kind: 'crowded' }
  /** The payload ran out before the script came: the whole submission may be tried again. */
  | { kind: 'lost' };

export interface Transition {
  applied: boolean;
  /** Entries that this transition has put into `outbox`: to be added to BullMQ now; a gateway will if nobody does. */
  outbox: string[];
}

export interface PredictionFailure {
  code: ErrorCode;
  message: string;
  /** Makes it a dead letter. */
  dead?: { reason: DeadReason; digest: string };
}

export interface NewestOptions {
  owner: string;
  /** Created before and after these ms. */
  before?: number | undefined;
  after?: number | undefined;
  cursor?: string | undefined;
  limit: number;
}

/** What the bytes of durable predictions are counted by (kept-lua.ts). */
export const STORED = ['pending', 'untold', 'inputs', 'outputs', 'records'] as const;
export type Stored = Record<(typeof STORED)[number], number>;

export interface PredictionSuccess {
  outputs: OutputItem[];
  bytes: Buffer;
  metrics: RunMetrics;
  /** Rows of a bulk run's chunk that have failed; each says why in `outputs`. */
  failedRows?: number;
  /** Its begin was not told: the end tells both. */
  begins?: boolean;
}

export class Ledger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  /** Resolves when Redis has it all. */
  async submit(submission: Submission): Promise<Submitted> {
    const { id, head, payload, deadline, budget, watcher = '', claims, job = '' } = submission;
    // Once only: a repeat must not give a payload that its record already owns a TTL again.
    gather(this.redis);
    const written = setPieces(this.redis, {
      key: this.keys.payload(id),
      pieces: payload,
      ttlMs: PAYLOAD_MS,
      once: true,
    });
    const run = this.run(SUBMIT, id, [
      luaJson({ ...head, items: packed(head.items) }),
      Math.round(deadline),
      Math.round(Math.min(deadline, this.clock.now() + LOOK_MS)),
      Math.round(budget),
      watcher,
      job,
      claims?.fingerprint ?? '',
      ...(claims?.held ?? []).flatMap(({ key, ttlMs }) => [key, ttlMs]),
    ]);
    const [, answer] = (await Promise.all([written, run])) as [void, string[]];
    const [kind, ...rest] = answer;
    if (kind === 'new') return { kind, outbox: rest };
    if (kind === 'same') return { kind, id: rest[0]! };
    if (kind === 'full') return { kind, pendingBytes: Number(rest[0]) };
    return { kind: kind === 'conflict' || kind === 'crowded' ? kind : 'lost' };
  }

  begin(ref: GenerationRef): Promise<Transition> {
    return this.move(BEGIN, ref, []);
  }

  /** Its next generation's job is to be added `pauseMs` from now. */
  again(ref: GenerationRef, pauseMs: number): Promise<Transition> {
    return this.move(AGAIN, ref, [Math.round(pauseMs)]);
  }

  succeed(
    ref: GenerationRef,
    { outputs, bytes, metrics, failedRows = 0, begins = false }: PredictionSuccess,
  ): Promise<Transition> {
    return this.move(SUCCEED, ref, [
      bytes,
      JSON.stringify(packed(outputs)),
      JSON.stringify(metrics),
      failedRows,
      begins ? 1 : 0,
    ]);
  }

  fail(ref: GenerationRef, { code, message, dead }: PredictionFailure): Promise<Transition> {
    return this.move(FAIL, ref, [code, message, dead?.reason ?? '', dead?.digest ?? '']);
  }

  expire(ref: GenerationRef, { code, message }: PredictionFailure): Promise<Transition> {
    return this.move(EXPIRE, ref, [code, message]);
  }

  /** Whatever generation it is in. */
  async cancel(id: string): Promise<Transition> {
    return transition(await this.run(CANCEL, id, []));
  }

  /** 'gone' when its input has been removed. */
  async retry(id: string, deadline: number): Promise<Transition | 'gone'> {
    const due = Math.min(deadline, this.clock.now() + LOOK_MS);
    const answer = (await this.run(RETRY, id, [Math.round(deadline), Math.round(due)])) as unknown[];
    return answer[0] === 2 ? 'gone' : transition(answer);
  }

  /** The gateway is told of every transition from now on. False when there is no such prediction. */
  async watch(id: string, gateway: string): Promise<boolean> {
    return (await this.run(WATCH, id, [gateway])) === 1;
  }

  async read(id: string): Promise<PredictionRecord | undefined> {
    gather(this.redis);
    const hash = await this.redis.hgetall(this.keys.prediction(id));
    return hash.head === undefined ? undefined : parseRecord(id, hash);
  }

  /** The record, if it has not ended and is in this generation. */
  async live({ id, generation }: GenerationRef): Promise<PredictionRecord | undefined> {
    const record = await this.read(id);
    return record && record.generation === generation && !isTerminal(record.status) ? record : undefined;
  }

  readMany(ids: readonly string[]): Promise<(PredictionRecord | undefined)[]> {
    return Promise.all(ids.map((id) => this.read(id)));
  }

  /** Undefined also for one that is not of this build: it keeps no other from being listed. */
  readListed(ids: readonly string[]): Promise<(PredictionRecord | undefined)[]> {
    const readable = (error: unknown): undefined => {
      if (!(error instanceof UnreadableRecord)) throw error;
    };
    return Promise.all(ids.map((id) => this.read(id).catch(readable)));
  }

  /**
   * An owner's ids by creation, the newest first, behind the cursor `<created>.<id>` of an earlier page; `last` is the
   * cursor of the next.
   */
  async newest({ owner, before, after, cursor, limit }: NewestOptions): Promise<{ ids: string[]; last?: string }> {
    const [, at, id] = /^(\d+)\.(.+)$/.exec(cursor ?? '') ?? [];
    const from = at === undefined ? (before === undefined ? '+inf' : `(${before}`) : at;
    const to = after === undefined ? '-inf' : `(${after}`;
    const key = this.keys.predictions(owner);
    let skip = 0;
    if (at !== undefined && id !== undefined) {
      // Equal times are in the order of their ids: those up to the cursor's have been seen.
      const same = await this.redis.zrevrangebyscore(key, at, at);
      skip = same.filter((other) => other >= id).length;
    }
    const found = await this.redis.zrevrangebyscore(key, from, to, 'WITHSCORES', 'LIMIT', skip, limit);
    const ids = found.filter((_, i) => i % 2 === 0);
    return ids.length === 0 ? { ids } : { ids, last: `${found.at(-1)}.${found.at(-2)}` };
  }

  /** The input's bytes, which the record's `items` cut up; null once removed. */
  input(id: string): Promise<Buffer | null> {
    gather(this.redis);
    return this.redis.getBuffer(this.keys.payload(id));
  }

  /** The output's bytes, which the record's `outputs` cut up; null before there is one, and once removed. */
  output(id: string): Promise<Buffer | null> {
    return this.redis.getBuffer(this.keys.result(id));
  }

  /** What an idempotency key or an alias stands for: the claim's key is `keys.claim(…)`. */
  async claimed(claim: string): Promise<{ fingerprint: string; id: string } | undefined> {
    const [fingerprint, id] = (await this.redis.get(claim))?.split(' ') ?? [];
    return fingerprint === undefined || id === undefined ? undefined : { fingerprint, id };
  }

  /** An owner's dead letters, the oldest first. */
  async dead(owner: string, offset: number, limit: number): Promise<{ total: number; ids: string[] }> {
    const key = this.keys.dead(owner);
    const [total, ids] = await Promise.all([
      this.redis.zcard(key),
      this.redis.zrange(key, String(offset), String(offset + limit - 1)),
    ]);
    return { total, ids };
  }

  /** No dead letter any more; the record stays failed. */
  async purge(id: string, owner: string): Promise<void> {
    await this.run(PURGE, id, [owner]);
  }

  /** Removes what has been kept its time, or is over the budget, `limit` of each kind at most; how many steps it took. */
  async sweep(limit: number, budget: number): Promise<number> {
    return (await this.run(SWEEP, '', [limit, Math.round(budget)])) as number;
  }

  /** Bytes in Redis, by what takes them. */
  async stored(): Promise<Stored> {
    const bytes = await this.redis.hmget(this.keys.bytes, ...STORED);
    return Object.fromEntries(STORED.map((what, i) => [what, Number(bytes[i] ?? 0)])) as Stored;
  }

  private async move(script: Script, { id, generation }: GenerationRef, args: ScriptArgument[]): Promise<Transition> {
    return transition(await this.run(script, id, [generation, ...args]));
  }

  private run(script: Script, id: string, args: ScriptArgument[]): Promise<unknown> {
    const now = Math.round(this.clock.now());
    gather(this.redis);
    return script.run(this.redis, { keys: [this.keys.prediction(id)], args: [this.keys.prefix, now, id, ...args] });
  }
}

function transition(answer: unknown): Transition {
  const [applied, ...outbox] = answer as [number, ...string[]];
  return { applied: applied === 1, outbox };
}
