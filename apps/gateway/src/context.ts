/** What every part of a gateway process shares: settings, id, connections to Redis, clock, log and metrics. */
import {
  BatchLedger,
  blockingConnection,
  createLogger,
  DeliveryQueue,
  failFastConnection,
  GatewayMetrics,
  keysUnder,
  Ledger,
  newId,
  Outbox,
  RedisClock,
  Registry,
  REPLY_BLOCK_MS,
  watchOutages,
  type GatewayConfig,
  type Keys,
  type Logger,
  type Redis,
} from '#inference';

export class GatewayContext {
  readonly id = newId('g');
  readonly log: Logger;
  readonly keys: Keys;
  readonly metrics = new GatewayMetrics();
  readonly redis: Redis;
  /** For the reply stream alone, for it blocks. */
  readonly reader: Redis;
  readonly clock: RedisClock;
  /** The life of durable predictions. */
  readonly ledger: Ledger;
  /** The life of bulk runs. */
  readonly batches: BatchLedger;
  /** Which model versions there are, and what a name means. */
  readonly registry: Registry;
  /** Jobs and deliveries of what is kept, from decided to done. */
  readonly outbox: Outbox;
  /** Set on SIGTERM: unready, connections are closed after their answer, accepted predictions are still answered. */
  draining = false;
  private goneSince = Date.now();

  constructor(readonly config: GatewayConfig) {
    this.log = createLogger('gateway', config.logLevel);
    this.keys = keysUnder(config.prefix);
    const { redisUrl: url, redisTimeoutMs: timeoutMs } = config;
    this.redis = this.watched(failFastConnection({ url, connectionName: 'sluice-gateway', timeoutMs }));
    this.reader = this.watched(
      blockingConnection({ url, connectionName: 'sluice-gateway-replies', blockMs: REPLY_BLOCK_MS }),
    );
    this.clock = new RedisClock(this.redis);
    this.ledger = new Ledger(this.redis, this.keys, this.clock);
    this.batches = new BatchLedger(this.redis, this.keys, { clock: this.clock, ledger: this.ledger });
    this.registry = new Registry(this.redis, this.keys, this.clock);
    this.outbox = new Outbox({
      redis: this.redis,
      keys: this.keys,
      deliveries: new DeliveryQueue(this.redis, this.keys),
    });
    this.redis.on('ready', () => (this.goneSince = Infinity));
    this.redis.on('close', () => (this.goneSince = Math.min(this.goneSince, Date.now())));
  }

  /** Redis has been gone for longer than a command may take; a cut that heals sooner is waited out. */
  get redisAway(): boolean {
    return Date.now() - this.goneSince > this.config.redisTimeoutMs;
  }

  disconnect(): void {
    this.redis.disconnect();
    this.reader.disconnect();
  }

  private watched(redis: Redis): Redis {
    return watchOutages(redis, {
      away: (reason) => this.log.warn({ reason }, 'Redis is away; predictions are refused until it is back'),
      back: () => this.log.info('Redis is back'),
    });
  }
}
