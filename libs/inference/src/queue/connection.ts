/**
 * Connections to Redis, by what their owner must do when Redis is away: a gateway refuses at once, a worker waits.
 */
import { Redis } from 'ioredis';

export type { Redis } from 'ioredis';

const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000);

/** For a gateway: fails at once while Redis is away, and after `timeoutMs` when it hangs. */
export function failFastConnection(url: string, timeoutMs: number): Redis {
  return new Redis(url, {
    enableOfflineQueue: false,
    // With null a command in flight is sent again after a reconnect, long after its caller was answered.
    maxRetriesPerRequest: 0,
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    retryStrategy,
  });
}

/** For blocking reads: a command may take `blockMs`, after which a silent Redis counts as hung. */
export function blockingConnection(url: string, blockMs: number): Redis {
  return new Redis(url, {
    maxRetriesPerRequest: 0,
    commandTimeout: blockMs + 2_000,
    enableOfflineQueue: false,
    retryStrategy,
  });
}

/** For a worker: commands wait for Redis to come back, for ever. */
export function patientConnection(url: string): Redis {
  return new Redis(url, { maxRetriesPerRequest: null, retryStrategy });
}
