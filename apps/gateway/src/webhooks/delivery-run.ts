/**
 * One run of a delivery's job: get a permit or wait in line, render, sign, send once, settle, wake whoever is next.
 *
 * Invariants: a permit that was granted is given back, whatever happens in between; an attempt that was begun is settled
 * before its job goes on; nothing that a receiver answered leaves this file but a status.
 */
import { setMaxListeners } from 'node:events';
import {
  deliveryId,
  endpointId,
  endpointUrl,
  newId,
  signedHeaders,
  type AttemptOutcome,
  type Deliveries,
  type DeliveryQueue,
  type DeliveryRef,
  type DeliveryRun,
  type GatewayMetrics,
  type IncomingDelivery,
  type NextOfDelivery,
  type PayloadKind,
  type RetrySchedule,
  type SettledAttempt,
  type Clock,
} from '#inference';
import { AttemptSlots } from './attempt-slots.js';
import { CONNECTIONS_PER_ORIGIN, type Egress, type PostResult } from './egress.js';
import type { Endpoints } from './endpoints.js';
import { PermitKeeper } from './permit-keeper.js';

const USER_AGENT = 'Sluice (+https://www.standardwebhooks.com)';
const GONE = 410;
/** Of all that a gateway has under way (webhooks.ts), so many at most are one owner's: the rest is kept for others. */
const SLOTS_PER_OWNER = 192;

export interface Subject {
  owner: string;
  url: string;
  /** When the event was, in milliseconds by Redis' clock. */
  at: number;
}

/** What deliveries tell of. Both answer undefined when it is gone. */
export interface Subjects {
  subjectOf(ref: DeliveryRef): Promise<Subject | undefined>;
  /** An object, or one as JSON already. */
  render(ref: DeliveryRef, payload: PayloadKind): Promise<object | string | undefined>;
}

export interface DeliveryRunnerOptions {
  subjects: Subjects;
  deliveries: Deliveries;
  queue: DeliveryQueue;
  endpoints: Endpoints;
  egress: Egress;
  schedule: RetrySchedule;
  clock: Clock;
  metrics: GatewayMetrics;
  /** Where an endpoint says nothing. */
  payload: PayloadKind;
}

interface Target {
  run: DeliveryRun;
  job: string;
  subject: Subject;
  url: URL;
  endpoint: { id: string; url: string; attempts: number };
}

export class DeliveryRunner {
  private readonly permits: PermitKeeper;
  private readonly slots = new AttemptSlots({ perOrigin: CONNECTIONS_PER_ORIGIN, perOwner: SLOTS_PER_OWNER });
  private readonly stopping = new AbortController();

  constructor(private readonly options: DeliveryRunnerOptions) {
    this.permits = new PermitKeeper(options.deliveries);
    // Each attempt listens.
    setMaxListeners(0, this.stopping.signal);
  }

  /** Cuts attempts that are under way; they come again and count for nothing. */
  abandon(): void {
    this.stopping.abort();
  }

  async process({ ref, round, job }: IncomingDelivery): Promise<NextOfDelivery> {
    const { subjects, deliveries, metrics } = this.options;
    const subject = await subjects.subjectOf(ref);
    if (!subject) {
      if (await deliveries.cancel(ref)) metrics.webhooks.inc({ state: 'canceled' });
      return { kind: 'done' };
    }
    const url = new URL(subject.url);
    const slot = this.slots.take({ origin: url.origin, owner: subject.owner }, job);
    if (slot.kind === 'refused') {
      return { kind: 'later', afterMs: slot.afterMs, missed: () => Promise.resolve(slot.missed()) };
    }
    try {
      return await this.turn({ ref, round, job }, subject, url);
    } finally {
      await this.wake(slot.release());
    }
  }

  private async turn({ ref, round, job }: IncomingDelivery, subject: Subject, url: URL): Promise<NextOfDelivery> {
    const { deliveries, metrics } = this.options;
    const run: DeliveryRun = { ref, round, token: newId('k') };
    const endpoint = endpointId(subject.owner, url);
    const turn = await deliveries.begin(run, { ...subject, endpoint });
    if (turn.kind === 'granted') {
      const { attempts } = turn;
      return this.granted({ run, job, subject, url, endpoint: { id: endpoint, url: endpointUrl(url), attempts } });
    }
    await this.wake(turn.wake);
    if (turn.kind === 'parked') {
      return { kind: 'later', afterMs: turn.afterMs, missed: () => deliveries.leftLine(endpoint, job) };
    }
    if (turn.kind === 'wait') return { kind: 'later', afterMs: turn.afterMs };
    if (turn.kind === 'ends') metrics.webhooks.inc({ state: turn.state });
    return { kind: 'done' };
  }

  private async granted(target: Target): Promise<NextOfDelivery> {
    const { deliveries, metrics } = this.options;
    const { run, job, endpoint } = target;
    const release = this.permits.keep(`${job} ${run.token}`, endpoint.id);
    metrics.webhooksInFlight.inc();
    let outcome: AttemptOutcome = { verdict: 'abandoned' };
    let settled: SettledAttempt;
    try {
      outcome = await this.attempt(target);
    } finally {
      metrics.webhooksInFlight.dec();
      release();
      settled = await deliveries.settle(run, endpoint, outcome);
      await this.wake(settled.wake, settled.trial);
    }
    if (settled.opened) metrics.breakerOpenings.inc();
    // Said before, on a connection that broke, or of a round that is over: the next run is told which.
    if (settled.state === undefined) return { kind: 'later', afterMs: 0 };
    if (settled.state !== 'pending') {
      metrics.webhooks.inc({ state: settled.state });
      return { kind: 'done' };
    }
    return { kind: 'later', afterMs: 'afterMs' in outcome ? (outcome.afterMs ?? 0) : 0 };
  }

  private async attempt({ run, subject, url, endpoint }: Target): Promise<AttemptOutcome> {
    const { endpoints, subjects, payload, egress, clock } = this.options;
    const stored = await endpoints.find(endpoint.id);
    const data = await subjects.render(run.ref, stored?.payload ?? payload);
    if (data === undefined) return { verdict: 'canceled' };
    const secrets = endpoints.secrets(stored);
    const at = clock.now();
    // Nothing goes out unsigned: the secret was taken away after the submission.
    if (secrets.length === 0) return this.judge({ ms: 0, failure: 'unsigned' }, at, endpoint.attempts);
    const head = JSON.stringify({ type: typeOf(run.ref), timestamp: new Date(subject.at).toISOString() });
    const body = `${head.slice(0, -1)},"data":${typeof data === 'string' ? data : JSON.stringify(data)}}`;
    const message = { id: deliveryId(run.ref), timestamp: Math.floor(at / 1_000), body };
    const headers = {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      ...signedHeaders(message, secrets),
    };
    const result = await egress.post({ url, headers, body, signal: this.stopping.signal });
    if (result.failure !== undefined && this.stopping.signal.aborted) return { verdict: 'abandoned' };
    return this.judge(result, at, endpoint.attempts);
  }

  private judge({ retryAfterMs, ...met }: PostResult, at: number, before: number): AttemptOutcome {
    const { schedule, metrics } = this.options;
    const attempt = { at, ...met };
    const { status } = met;
    metrics.webhookAttempts.inc({ outcome: met.failure ?? `${Math.floor((status ?? 0) / 100)}xx` });
    if (status !== undefined && status >= 200 && status < 300) return { verdict: 'delivered', attempt };
    if (status === GONE) return { verdict: 'gone', attempt };
    return { verdict: 'failed', attempt, afterMs: schedule.after(before + 1, retryAfterMs) };
  }

  /** Whom this cannot reach looks for himself, only later. */
  private async wake(jobs: readonly string[], trial?: SettledAttempt['trial']): Promise<void> {
    const { queue } = this.options;
    await queue.wake(jobs).catch(() => undefined);
    if (trial) await queue.delay(trial.job, trial.afterMs).catch(() => undefined);
  }
}

function typeOf({ prediction, event }: DeliveryRef): string {
  const subject = prediction.startsWith('b') ? 'batch' : 'prediction';
  return `${subject}.${event === 'start' ? 'started' : 'completed'}`;
}
