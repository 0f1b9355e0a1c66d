/**
 * The life of deliveries in Redis: every change is one of the scripts beside this file, called here.
 *
 * Invariants: an attempt counts exactly when it is settled, so waiting for a permit or a breaker never uses one up; what a
 * script answers is what happened. Any call may be made again when its fate is unknown.
 */
import type { Clock } from '../batching/clock.js';
import {
  attemptLine,
  deliveryHead,
  parseDelivery,
  type Attempt,
  type DeliveryHead,
  type DeliveryRecord,
  type DeliveryState,
} from '../contract/delivery.js';
import { deliveryId, deliveryJobId, type DeliveryRef } from '../contract/durable-job.js';
import type { Keys } from '../contract/keys.js';
import type { Redis } from '../queue/connection.js';
import type { Script } from '../queue/script.js';
import { BEGIN, CANCEL, RENEW, REPLAY, SETTLE } from './delivery-scripts.js';
import type { RetrySchedule } from './schedule.js';

/** In flight to one endpoint, over all gateways. */
const PER_ENDPOINT = 2;
/** A permit that is not renewed for so long is free again: its holder has died. */
export const LEASE_MS = 5_000;
/** A parked delivery that nothing wakes looks for itself after about this long. */
const FALLBACK_MS = 30_000;
/** Failures in a row that open an endpoint's breaker. */
const BREAKER_THRESHOLD = 10;
/** The breaker's first pause is the schedule's shortest, doubled up to so many times that. */
const MAX_PAUSES = 60;
/** A delivery whose attempt waits for its endpoint longer than twice the schedule, and longer than this, has failed. */
const MIN_LIFE_MS = 3_600_000;

export interface DeliveriesOptions {
  redis: Redis;
  keys: Keys;
  clock: Clock;
  schedule: RetrySchedule;
  /** Milliseconds that a delivery is kept after its end. */
  keepMs: number;
}

/** One run of a delivery's job: `token` names the permit it asks for. */
export interface DeliveryRun {
  ref: DeliveryRef;
  round: number;
  token: string;
}

export type DeliveryTurn =
  | { kind: 'granted'; attempts: number }
  | { kind: 'wait' | 'parked'; afterMs: number; wake: string[] }
  | { kind: 'ended' | 'ends'; state: DeliveryState | 'gone'; wake: string[] };

/** What came of a run that was granted a permit. */
export type AttemptOutcome =
  | { verdict: 'delivered' | 'gone' | 'failed'; attempt: Omit<Attempt, 'round'>; afterMs?: number | undefined }
  | { verdict: 'canceled' | 'abandoned' };

export interface SettledAttempt {
  /** undefined: the run spoke of another round or attempt, and changed nothing. */
  state: DeliveryState | undefined;
  /** This failure opened the breaker. */
  opened: boolean;
  /** Job ids to be woken now. */
  wake: string[];
  /** The job that shall try an endpoint whose breaker is open, and when. */
  trial?: { job: string; afterMs: number };
}

export type ReplayedDelivery = { kind: 'gone' | 'disabled' } | { kind: 'done'; ref: DeliveryRef; round: number };

export class Deliveries {
  private readonly lifeMs: number;

  constructor(private readonly options: DeliveriesOptions) {
    this.lifeMs = Math.max(MIN_LIFE_MS, 2 * options.schedule.totalMs);
  }

  async begin(
    run: DeliveryRun,
    head: Omit<DeliveryHead, 'subject' | 'event' | 'generation' | 'created'>,
  ): Promise<DeliveryTurn> {
    const { prediction: subject, event, generation } = run.ref;
    const created = this.now();
    const answer = await this.run(BEGIN, deliveryId(run.ref), {
      ...jobOf(run),
      head: JSON.stringify({ ...head, subject, event, generation, created } satisfies DeliveryHead),
      first: this.options.schedule.after(0) ?? 0,
      life: this.lifeMs,
      fallback: FALLBACK_MS * (0.75 + 0.5 * Math.random()),
    });
    const [kind, value, ...wake] = answer as [string, string, ...string[]];
    if (kind === 'granted') return { kind, attempts: Number(value) };
    if (kind === 'ended' || kind === 'ends') return { kind, state: value as DeliveryState | 'gone', wake };
    return { kind: kind as 'wait' | 'parked', afterMs: Number(value), wake };
  }

  /** @param endpoint as it was given to `begin`. */
  async settle(
    run: DeliveryRun,
    endpoint: { id: string; url: string; attempts: number },
    outcome: AttemptOutcome,
  ): Promise<SettledAttempt> {
    const { schedule } = this.options;
    const made = 'attempt' in outcome ? outcome : undefined;
    const pause = schedule.shortestMs;
    const answer = await this.run(SETTLE, deliveryId(run.ref), {
      ...jobOf(run),
      endpoint: endpoint.id,
      url: endpoint.url,
      attempt: endpoint.attempts + 1,
      verdict: outcome.verdict,
      line: made ? attemptLine({ ...made.attempt, round: run.round }) : '',
      ...(made?.afterMs === undefined ? {} : { next: Math.round(made.afterMs) }),
      threshold: BREAKER_THRESHOLD,
      pause,
      maxPause: pause * MAX_PAUSES,
    });
    const [state, opened, job, afterMs, ...wake] = answer as [DeliveryState | '', number, string, string, ...string[]];
    return {
      state: state === '' ? undefined : state,
      opened: opened === 1,
      wake,
      ...(job === '' ? {} : { trial: { job, afterMs: Number(afterMs) } }),
    };
  }

  /** Keeps the permits of runs that still go on; `members` are `<job id> <token>`. */
  async renew(endpoint: string, members: readonly string[]): Promise<void> {
    await this.run(RENEW, '', { endpoint, members });
  }

  /** Its subject is gone. True when that ended it. */
  async cancel(ref: DeliveryRef): Promise<boolean> {
    return (await this.run(CANCEL, deliveryId(ref), {})) === 1;
  }

  async replay(id: string, owner: string): Promise<ReplayedDelivery> {
    const first = this.options.schedule.after(0) ?? 0;
    const answer = (await this.run(REPLAY, id, { owner, first })) as [string, number, string];
    const [kind, round, text] = answer;
    if (kind !== 'done') return { kind: kind as 'gone' | 'disabled' };
    const { subject: prediction, event, generation } = deliveryHead.parse(JSON.parse(text));
    return { kind, round, ref: { prediction, event, generation } };
  }

  async read(id: string): Promise<DeliveryRecord | undefined> {
    const hash = await this.options.redis.hgetall(this.options.keys.delivery(id));
    return hash.head === undefined ? undefined : parseDelivery(id, hash);
  }

  /** Of one prediction or batch, the oldest first. */
  async of(subject: string): Promise<DeliveryRecord[]> {
    const ids = await this.options.redis.smembers(this.options.keys.deliveriesOf(subject));
    return (await this.readMany(ids)).sort((a, b) => a.created - b.created);
  }

  /** Of one owner by creation, the oldest first; `next` is where the following page begins, if there may be one. */
  async between(owner: string, { since, skip, until, limit }: TimeRange): Promise<DeliveryPage> {
    const key = this.options.keys.deliveries(owner);
    const found = await this.options.redis.zrangebyscore(key, since, `(${until}`, 'WITHSCORES', 'LIMIT', skip, limit);
    const ids = found.filter((_, i) => i % 2 === 0);
    const records = await this.readMany(ids);
    if (ids.length < limit) return { records };
    const last = Number(found.at(-1));
    // Of those created in the same millisecond, as many as were seen are skipped.
    const same = found.filter((score, i) => i % 2 === 1 && Number(score) === last).length;
    return { records, next: { since: last, skip: same + (last === since ? skip : 0) } };
  }

  /** True when the job is no longer in its endpoint's line, so that whoever took it out has tried to wake it. */
  async leftLine(endpoint: string, job: string): Promise<boolean> {
    return (await this.options.redis.zscore(`${this.options.keys.prefix}:line:${endpoint}`, job)) === null;
  }

  /** Deliveries to which nothing has happened although it should have: their jobs may be missing. */
  overdue(limit: number): Promise<string[]> {
    return this.options.redis.zrangebyscore(this.options.keys.pendingDeliveries, '-inf', this.now(), 'LIMIT', 0, limit);
  }

  /** They are looked at again, if still overdue, after as long as a parked delivery waits. */
  async expect(ids: readonly string[]): Promise<void> {
    const at = this.now() + FALLBACK_MS;
    const { redis, keys } = this.options;
    if (ids.length > 0) await redis.zadd(keys.pendingDeliveries, 'XX', ...ids.flatMap((id) => [at, id]));
  }

  /** A pending id without a record: nothing is left to be done for it. */
  async forget(id: string): Promise<void> {
    await this.options.redis.zrem(this.options.keys.pendingDeliveries, id);
  }

  /** Deliveries that wait in a line, over all endpoints. */
  async parked(): Promise<number> {
    return Number(await this.options.redis.get(this.options.keys.parkedDeliveries));
  }

  private async readMany(ids: readonly string[]): Promise<DeliveryRecord[]> {
    const records = await Promise.all(ids.map((id) => this.read(id)));
    return records.filter((record) => record !== undefined);
  }

  private now(): number {
    return Math.round(this.options.clock.now());
  }

  private run(script: Script, id: string, values: Record<string, unknown>): Promise<unknown> {
    const { redis, keys, keepMs: keep } = this.options;
    const all = { keep, limit: PER_ENDPOINT, lease: LEASE_MS, random: Math.random(), ...values };
    return script.run(redis, { keys: [keys.delivery(id)], args: [keys.prefix, this.now(), id, JSON.stringify(all)] });
  }
}

export interface TimeRange {
  since: number;
  /** Of those at exactly `since`. */
  skip: number;
  until: number;
  limit: number;
}

export interface DeliveryPage {
  records: DeliveryRecord[];
  next?: Pick<TimeRange, 'since' | 'skip'>;
}

function jobOf({ ref, round, token }: DeliveryRun): { round: number; job: string; token: string } {
  return { round, token, job: deliveryJobId(deliveryId(ref), round) };
}
