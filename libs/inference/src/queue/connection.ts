/**
 * Connections to Redis, by what their owner must do when Redis is away: a gateway refuses at once, a worker waits.
 * Each has a name that `CLIENT LIST` shows.
 */
import { Redis, type RedisOptions } from 'ioredis';

export type { Redis } from 'ioredis';

export type ConnectionName =
  'sluice-gateway' | 'sluice-gateway-replies' | 'sluice-gateway-webhooks' | 'sluice-worker' | 'sluice-worker-control';

/** A dropped connection is back within milliseconds; an outage is asked after once a second. */
const retryStrategy = (attempt: number): number => Math.min(5 * 2 ** Math.min(attempt, 8), 1_000);

export interface ConnectionOptions {
  url: string;
  connectionName: ConnectionName;
}

/** For a gateway: fails at once while Redis is away, and after `timeoutMs` when it hangs. */
export function failFastConnection({
  url,
  connectionName,
  timeoutMs,
}: ConnectionOptions & { timeoutMs: number }): Redis {
  return new Redis(url, {
    connectionName,
    enableOfflineQueue: false,
    // With null a command in flight is sent again after a reconnect, long after its caller was answered.
    maxRetriesPerRequest: 0,
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    retryStrategy,
  });
}

/** For blocking reads: a command may take `blockMs`, after which a silent Redis counts as hung. */
export function blockingConnection({ url, connectionName, blockMs }: ConnectionOptions & { blockMs: number }): Redis {
  return new Redis(url, {
    connectionName,
    maxRetriesPerRequest: 0,
    commandTimeout: blockMs + 2_000,
    enableOfflineQueue: false,
    retryStrategy,
  });
}

/**
 * Ends also when it waits to be made again. Its library forgets the next try then and never says `end`, for which a
 * BullMQ worker that is closed waits for ever: the version would be on its way out, and its memory taken, for good.
 */
class EndingRedis extends Redis {
  override disconnect(reconnect = false): void {
    if (reconnect || this.status !== 'reconnecting') return super.disconnect(reconnect);
    this.once('connecting', () => super.disconnect());
  }

  /** BullMQ makes its blocking connections of these. */
  override duplicate(override?: Partial<RedisOptions>): Redis {
    return new EndingRedis({ ...this.options, ...override } as RedisOptions & { replyMapping?: 'legacy' });
  }
}

/** For a worker: commands wait for Redis to come back, for ever. */
export function patientConnection({ url, connectionName }: ConnectionOptions): Redis {
  return new EndingRedis(url, { connectionName, maxRetriesPerRequest: null, retryStrategy });
}

/** Tells of an outage once when it begins and once when it ends, not at every attempt. */
export function watchOutages(redis: Redis, tell: { away(reason: string): void; back(): void }): Redis {
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) tell.away(error.message);
    away = true;
  });
  redis.on('ready', () => {
    if (away) tell.back();
    away = false;
  });
  return redis;
}
