/**
 * Every metric of the gateway and the worker, defined once; docs/metrics.md lists them.
 *
 * Labels are bounded: model versions, error codes, release reasons. Never a request, a caller or an address.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** Relative: 0 the same, 1 as large as the answer itself, or nothing alike. */
const DIFFERENCES = [0, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 1];
type Model = 'model' | 'version';
const MODEL: Model[] = ['model', 'version'];

/** A registry of one process, and the three kinds of metrics in it. */
class Metrics {
  readonly registry = new Registry();

  constructor(process: string) {
    this.registry.setDefaultLabels({ process });
    collectDefaultMetrics({ register: this.registry });
  }

  protected seconds(name: string, help: string): Histogram<Model> {
    return new Histogram({ name, help, buckets: SECONDS, labelNames: MODEL, registers: [this.registry] });
  }

  protected counts(name: string, help: string): Histogram<Model> {
    return new Histogram({ name, help, buckets: COUNTS, labelNames: MODEL, registers: [this.registry] });
  }

  protected counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  protected gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}

export class GatewayMetrics extends Metrics {
  readonly total = this.seconds('sluice_request_seconds', 'From the whole request read to its answer ready.');
  readonly packSize = this.counts('sluice_pack_items', 'Predictions per pack.');
  readonly outcomes = this.counter(
    'sluice_predictions_total',
    'Predictions by outcome: ok, or the code of the error.',
    [...MODEL, 'outcome'],
  );
  readonly problems = this.counter('sluice_problems_total', 'Requests answered with a problem, by its code.', ['code']);
  readonly inFlight = this.gauge('sluice_in_flight', 'Predictions held by this gateway.', []);
  readonly inFlightBytes = this.gauge('sluice_in_flight_bytes', 'Bytes of request bodies held by this gateway.', []);
  readonly backlog = this.gauge('sluice_backlog', 'Predictions that wait here for a free credit.', MODEL);
  readonly queueBacklog = this.gauge('sluice_queue_packs', 'Packs in Redis that no worker has taken.', MODEL);
  readonly alpha = this.gauge('sluice_latency_alpha_ms', 'Learned milliseconds per row, mean over workers.', MODEL);
  readonly beta = this.gauge('sluice_latency_beta_ms', 'Learned milliseconds per run, mean over workers.', MODEL);
  readonly pending = this.gauge('sluice_pending_predictions', 'Durable predictions that have not ended.', []);
  readonly storage = this.gauge('sluice_storage_bytes', 'Bytes that durable predictions take, by what.', ['what']);
  readonly storageBudget = this.gauge('sluice_storage_budget_bytes', 'Bytes that durable predictions may take.', []);
  readonly outboxSize = this.gauge('sluice_outbox_entries', 'Jobs and deliveries decided but not yet added.', []);
  readonly outboxAge = this.gauge('sluice_outbox_age_seconds', 'Age of the oldest of them.', []);
  readonly outboxDrained = this.counter('sluice_outbox_drained_total', 'Overdue entries added by this gateway.', []);
  readonly deadLetters = this.gauge('sluice_dead_letters', 'Dead letters of all owners.', []);
  readonly reconciled = this.counter('sluice_reconciled_total', 'Predictions that the reconciler settled, by how.', [
    'action',
  ]);
  readonly swept = this.counter('sluice_swept_total', 'Inputs, outputs and records removed by this gateway.', []);
  readonly webhooks = this.counter('sluice_webhooks_total', 'Deliveries that ended here, by how.', ['state']);
  readonly webhookAttempts = this.counter(
    'sluice_webhook_attempts_total',
    'Attempts of deliveries, by what they met.',
    ['outcome'],
  );
  readonly webhooksInFlight = this.gauge('sluice_webhooks_in_flight', 'Attempts of this gateway under way.', []);
  readonly webhooksParked = this.gauge('sluice_webhooks_parked', 'Deliveries that wait for their endpoint.', []);
  readonly breakerOpenings = this.counter(
    'sluice_webhook_breaker_openings_total',
    'Times an endpoint failed too often.',
    [],
  );

  readonly shadows = this.counter(
    'sluice_shadow_total',
    'Predictions that a shadow ran too, by how the answers compare.',
    [...MODEL, 'shadow', 'outcome'],
  );
  readonly shadowDifference = new Histogram({
    name: 'sluice_shadow_difference',
    help: 'Largest difference between both answers, relative to the size of the answer that was given.',
    buckets: DIFFERENCES,
    labelNames: [...MODEL, 'shadow'],
    registers: [this.registry],
  });

  constructor() {
    super('gateway');
  }
}

export class WorkerMetrics extends Metrics {
  readonly queue = this.seconds('sluice_queue_seconds', 'From accepted by the gateway to taken by this worker.');
  readonly batchWait = this.seconds('sluice_batch_wait_seconds', 'From taken to sealed in a batch.');
  readonly preprocess = this.seconds('sluice_preprocess_seconds', 'Decoding and preprocessing of one picture or text.');
  readonly run = this.seconds('sluice_run_seconds', 'One onnxruntime call.');
  readonly batchSize = this.counts('sluice_batch_rows', 'Rows per onnxruntime call.');
  readonly released = this.counter('sluice_batches_total', 'Batches by the reason they were released.', [
    ...MODEL,
    'reason',
  ]);
  readonly outcomes = this.counter('sluice_worker_predictions_total', 'Predictions by outcome.', [...MODEL, 'outcome']);
  readonly executorDeaths = this.counter('sluice_executor_deaths_total', 'Executors that ended unasked, by cause.', [
    'cause',
  ]);
  readonly poison = this.counter('sluice_poison_total', 'Inputs that ended an executor by themselves.', MODEL);
  readonly verifications = this.counter('sluice_verifications_total', 'Packages verified here, by outcome.', [
    'outcome',
  ]);
  readonly backlog = this.gauge('sluice_batcher_rows', 'Rows that wait in the batcher.', MODEL);
  readonly alpha = this.gauge('sluice_latency_alpha_ms', 'Learned milliseconds per row.', MODEL);
  readonly beta = this.gauge('sluice_latency_beta_ms', 'Learned milliseconds per run.', MODEL);
  readonly loads = this.counter('sluice_model_loads_total', 'Loads of versions by outcome: loaded, failed.', [
    ...MODEL,
    'outcome',
  ]);
  readonly evictions = this.counter('sluice_model_evictions_total', 'Versions unloaded to make room.', MODEL);
  readonly memory = this.gauge('sluice_model_memory_bytes', 'Bytes of the models that executors hold.', []);

  constructor() {
    super('worker');
  }
}
