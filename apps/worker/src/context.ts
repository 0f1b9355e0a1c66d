/** What every part of a worker process shares: its settings, its id, its connection to Redis, its log and metrics. */
import {
  createLogger,
  FleetWriter,
  keysUnder,
  newId,
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

  constructor(readonly config: WorkerConfig) {
    this.log = createLogger('worker', config.logLevel);
    this.keys = keysUnder(config.prefix);
    this.redis = this.connect('sluice-worker');
    this.clock = new RedisClock(this.redis);
    this.fleet = new FleetWriter(this.redis, this.keys, this.clock);
  }

  /** A further connection, for what blocks. */
  connect(connectionName: ConnectionName): Redis {
    return watchOutages(patientConnection({ url: this.config.redisUrl, connectionName }), {
      away: (reason) => this.log.warn({ reason }, 'Redis is away; waiting for it'),
      back: () => this.log.info('Redis is back'),
    });
  }
}
