/** What every part of a worker process shares: its settings, its id, its connection to Redis, its log and metrics. */
import {
  createLogger,
  DeliveryQueue,
  FleetWriter,
  keysUnder,
  Ledger,
  newId,
  Outbox,
  patientConnection,
  RedisClock,
  watchOutages,
  WorkerMetrics,
  type ConnectionName,
  type Keys,
  type Logger,
  type Redis,
  type WorkerConfig,
} from '#inference';

export class WorkerContext {
  readonly id = newId('w');
  readonly log: Logger;
  readonly keys: Keys;
  readonly metrics = new WorkerMetrics();
  readonly redis: Redis;
  readonly clock: RedisClock;
  readonly fleet: FleetWriter;
  readonly ledger: Ledger;
  /** For the deliveries that a transition calls for; jobs of predictions are added by gateways alone. */
  readonly outbox: Outbox;

  constructor(readonly config: WorkerConfig) {
    this.log = createLogger('worker', config.logLevel);
    this.keys = keysUnder(config.prefix);
    this.redis = this.connect('sluice-worker');
    this.clock = new RedisClock(this.redis);
    this.fleet = new FleetWriter(this.redis, this.keys, this.clock);
    this.ledger = new Ledger(this.redis, this.keys, this.clock);
    const deliveries = new DeliveryQueue(this.redis, this.keys);
    this.outbox = new Outbox({ redis: this.redis, keys: this.keys, deliveries });
  }

  /** A further connection, for what blocks. */
  connect(connectionName: ConnectionName): Redis {
    return watchOutages(patientConnection({ url: this.config.redisUrl, connectionName }), {
      away: (reason) => this.log.warn({ reason }, 'Redis is away; waiting for it'),
      back: () => this.log.info('Redis is back'),
    });
  }
}
