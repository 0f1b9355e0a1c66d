/**
 * Who serves what: workers write heartbeats and descriptions of their model versions, gateways read them.
 *
 * Invariant: a worker that has vanished is gone from a reader's view after HEARTBEAT_TTL_MS, with nobody's help.
 */
import { HEARTBEAT_TTL_MS, heartbeat, type Heartbeat } from '../contract/heartbeat.js';
import type { Keys } from '../contract/keys.js';
import { modelDescription, modelKey, type ModelDescription } from '../contract/model-description.js';
import type { Redis } from './connection.js';
import type { RedisClock } from './redis-clock.js';

/** A version that no worker has served for this long is forgotten: its name becomes a 404 instead of a 503. */
const DESCRIPTION_TTL_SECONDS = 7 * 24 * 3_600;

export interface FleetView {
  workers: Heartbeat[];
  models: ModelDescription[];
}

export class FleetWriter {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: RedisClock,
  ) {}

  async beat(beat: Heartbeat): Promise<void> {
    const now = Math.round(this.clock.now());
    await this.redis
      .pipeline()
      .hset(this.keys.worker(beat.worker), 'beat', JSON.stringify(beat))
      .pexpire(this.keys.worker(beat.worker), HEARTBEAT_TTL_MS)
      .zadd(this.keys.workers, now, beat.worker)
      .zremrangebyscore(this.keys.workers, '-inf', now - 10 * HEARTBEAT_TTL_MS)
      .exec();
  }

  /** Publishes a version and returns the checksum that the fleet had for it before, if any. */
  async describe(description: ModelDescription): Promise<string | undefined> {
    const key = this.keys.model(description.name, description.version);
    const known = await this.redis.hget(key, 'checksum');
    await this.redis
      .pipeline()
      .hset(key, 'description', JSON.stringify(description), 'checksum', description.checksum)
      .expire(key, DESCRIPTION_TTL_SECONDS)
      .sadd(this.keys.models, modelKey(description.name, description.version))
      .exec();
    return known ?? undefined;
  }

  async leave(worker: string): Promise<void> {
    await this.redis.pipeline().del(this.keys.worker(worker)).zrem(this.keys.workers, worker).exec();
  }
}

export class FleetReader {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: RedisClock,
  ) {}

  /** Two round trips, however many workers and models there are. */
  async read(): Promise<FleetView> {
    const [ids, models] = await Promise.all([
      this.redis.zrangebyscore(this.keys.workers, this.clock.now() - 2 * HEARTBEAT_TTL_MS, '+inf'),
      this.redis.smembers(this.keys.models),
    ]);
    const [beats, descriptions] = await Promise.all([
      Promise.all(ids.map((id) => this.redis.hget(this.keys.worker(id), 'beat'))),
      Promise.all(models.map((key) => this.describe(key))),
    ]);
    return {
      workers: beats.flatMap((text) => parsed(text, heartbeat)),
      models: descriptions.flatMap((text) => parsed(text, modelDescription)),
    };
  }

  private async describe(key: string): Promise<string | null> {
    const [name = '', version = ''] = key.split(':');
    const text = await this.redis.hget(this.keys.model(name, version), 'description');
    if (text === null) await this.redis.srem(this.keys.models, key);
    return text;
  }
}

function parsed<T>(
  text: string | null,
  schema: { safeParse(v: unknown): { success: true; data: T } | { success: false } },
): T[] {
  if (text === null) return [];
  // A worker of a newer build may write what this one cannot read; it is left out, not a reason to fail.
  const result = schema.safeParse(JSON.parse(text));
  return result.success ? [result.data] : [];
}
