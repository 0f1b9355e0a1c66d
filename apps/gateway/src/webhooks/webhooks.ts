/**
 * Webhooks of a gateway, put together: taken in submissions, delivered by a worker of its own, listed and replayed.
 *
 * Invariant: what is in flight when a gateway stops is finished within its drain; what is not then is another
 * gateway's, at once and without having counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Deliveries,
  DELIVERY_QUEUE,
  deliveryJobId,
  DeliveryQueue,
  DeliveryWorker,
  EndpointStore,
  patientConnection,
  RetrySchedule,
  type DeliveryRecord,
  type DeliveryRef,
  type Redis,
} from '#inference';
import type { GatewayContext } from '../context.js';
import type { AddressPolicy } from '../egress/address-policy.js';
import { DeliveryRunner, type Subjects } from './delivery-run.js';
import { Egress, type EgressOptions } from './egress.js';
import { Endpoints } from './endpoints.js';
import { webhookPolicy } from './webhook-policy.js';

/** Attempts of one gateway at the same time. Most of it is waiting for receivers; what waits for a permit is not here. */
const CONCURRENCY = 256;
const GAUGE_MS = 5_000;
const OVERDUE_AT_ONCE = 256;
/** Once attempts are cut, their jobs need only be given back. */
const GIVE_BACK_MS = 2_000;

export interface WebhooksOptions {
  context: GatewayContext;
  subjects: Subjects;
  /** For tests. */
  egress?: Pick<EgressOptions, 'lookup' | 'ca'>;
}

interface Running {
  redis: Redis;
  runner: DeliveryRunner;
  worker: DeliveryWorker;
  egress: Egress;
  queue: DeliveryQueue;
}

export class Webhooks {
  readonly endpoints: Endpoints;
  readonly deliveries: Deliveries;
  private readonly policy: AddressPolicy;
  private readonly schedule: RetrySchedule;
  private readonly queue: DeliveryQueue;
  private running: Running | undefined;
  private gauge: NodeJS.Timeout | undefined;

  constructor(private readonly options: WebhooksOptions) {
    const { redis, keys, clock, config } = options.context;
    this.policy = webhookPolicy(config.webhookAllowCidrs);
    this.schedule = new RetrySchedule(config.webhookSchedule);
    this.endpoints = new Endpoints({
      store: new EndpointStore(redis, keys, clock),
      policy: this.policy,
      clock,
      secret: config.webhookSecret,
    });
    this.deliveries = this.deliveriesOn(redis);
    this.queue = new DeliveryQueue(redis, keys);
  }

  /** Begins to deliver; submissions are taken without it. */
  start(): void {
    const { context, subjects, egress: forTests } = this.options;
    const { keys, clock, metrics, config, log } = context;
    // An outcome that Redis does not have yet is kept until it does, so this connection waits.
    const redis = patientConnection({ url: config.redisUrl, connectionName: 'sluice-gateway-webhooks' });
    redis.on('error', () => undefined);
    const queue = new DeliveryQueue(redis, keys);
    const egress = new Egress({ policy: this.policy, timeoutMs: config.webhookTimeoutMs, ...forTests });
    const runner = new DeliveryRunner({
      subjects,
      deliveries: this.deliveriesOn(redis),
      queue,
      endpoints: this.endpoints,
      egress,
      schedule: this.schedule,
      clock,
      metrics,
      payload: config.webhookPayload,
    });
    const worker = new DeliveryWorker({
      queue: DELIVERY_QUEUE,
      concurrency: CONCURRENCY,
      redis,
      keys,
      process: (incoming) => runner.process(incoming),
      failed: (error) => log.warn({ err: error }, 'a delivery was interrupted; it comes again'),
    });
    this.running = { redis, runner, worker, egress, queue };
    this.showParked();
  }

  /** Finishes what is in flight, for so long; then gives it back. */
  async stop(withinMs: number): Promise<void> {
    clearTimeout(this.gauge);
    const { running } = this;
    this.running = undefined;
    if (!running) return;
    const closed = running.worker.close().catch(() => undefined);
    await settledWithin(closed, withinMs);
    running.runner.abandon();
    // An attempt that is still connecting ends only with its connection.
    await running.egress.close();
    await settledWithin(closed, GIVE_BACK_MS);
    await settledWithin(Promise.all([running.queue.close(), this.queue.close()]), GIVE_BACK_MS);
    running.redis.disconnect();
  }

  /** For every submission that names a webhook. @throws WEBHOOK_REFUSED, WEBHOOK_UNSIGNED, WEBHOOK_DISABLED. */
  accept(owner: string, url: string): Promise<void> {
    return this.endpoints.accept(owner, url);
  }

  /** 'gone', also for another owner's; 'disabled' when its endpoint is. */
  async replay(id: string, owner: string): Promise<'gone' | 'disabled' | 'done'> {
    const replayed = await this.deliveries.replay(id, owner);
    if (replayed.kind !== 'done') return replayed.kind;
    // If this fails the delivery is pending without a job, which `overdue` finds.
    await this.queue.add(replayed.ref, replayed.round);
    return 'done';
  }

  /** Deliveries to which nothing has happened although it should have. */
  overdue(limit: number): Promise<string[]> {
    return this.deliveries.overdue(limit);
  }

  /** Adds their jobs again where they are missing; one that is there stays as it is. How many are still pending. */
  async revive(ids: readonly string[]): Promise<number> {
    const records = await Promise.all(ids.map((id) => this.deliveries.read(id)));
    const pending = records.filter((record) => record?.state === 'pending') as DeliveryRecord[];
    const known = new Set(pending.map(({ id }) => id));
    await Promise.all(ids.filter((id) => !known.has(id)).map((id) => this.deliveries.forget(id)));
    await Promise.all(pending.map((record) => this.queue.add(refOf(record), record.round)));
    await this.deliveries.expect([...known]);
    await this.queue.wake(pending.map(({ id, round }) => deliveryJobId(id, round)));
    return pending.length;
  }

  /** One look at what is overdue, for the gateway that looks after all that is kept. */
  async reconcile(): Promise<void> {
    const ids = await this.overdue(OVERDUE_AT_ONCE);
    if (ids.length > 0) await this.revive(ids);
  }

  private deliveriesOn(redis: Redis): Deliveries {
    const { keys, clock, config } = this.options.context;
    return new Deliveries({ redis, keys, clock, schedule: this.schedule, keepMs: config.recordRetentionMs });
  }

  private showParked(): void {
    const { context } = this.options;
    this.gauge = setTimeout(() => {
      this.deliveries
        .parked()
        .then((count) => context.metrics.webhooksParked.set(count))
        .catch(() => undefined);
      this.showParked();
    }, GAUGE_MS).unref();
  }
}

function refOf({ subject: prediction, event, generation }: DeliveryRecord): DeliveryRef {
  return { prediction, event, generation };
}

async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const enough = new AbortController();
  await Promise.race([promise, sleep(ms, undefined, { signal: enough.signal }).catch(() => undefined)]);
  enough.abort();
}
