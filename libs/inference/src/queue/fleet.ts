/**
 * Who serves what: workers write heartbeats and descriptions of their model versions, gateways read them.
 *
 * Invariant: a worker that has vanished is gone from a reader's view after HEARTBEAT_TTL_MS, with nobody's help.
 */
import type { Clock } from '../batching/clock.js';
import { HEARTBEAT_TTL_MS, heartbeat, type Heartbeat } from '../contract/heartbeat.js';
import type { Keys } from '../contract/keys.js';
import { modelDescription, modelKey, type ModelDescription } from '../contract/model-description.js';
import type { Redis } from './connection.js';

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
    private readonly clock: Clock,
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
  private readonly beats = new LastParsed(heartbeat);
  private readonly descriptions = new LastParsed(modelDescription);

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  /** Two round trips, however many workers and models there are. */
  async read(): Promise<FleetView> {
    const [workers, models] = await Promise.all([this.workers(), this.models()]);
    return { workers, models };
  }

  /** The heartbeats alone. */
  async workers(): Promise<Heartbeat[]> {
    const ids = await this.redis.zrangebyscore(this.keys.workers, this.clock.now() - 2 * HEARTBEAT_TTL_MS, '+inf');
    const places = ids.map((id) => this.keys.worker(id));
    return this.beats.parse(ids, await this.fields(places, 'beat'));
  }

  private async models(): Promise<ModelDescription[]> {
    const names = await this.redis.smembers(this.keys.models);
    const places = names.map((name) => {
      const at = name.indexOf(':');
      return this.keys.model(name.slice(0, at), name.slice(at + 1));
    });
    const texts = await this.fields(places, 'description');
    const forgotten = names.filter((_, i) => texts[i] === null);
    if (forgotten.length > 0) await this.redis.srem(this.keys.models, forgotten);
    return this.descriptions.parse(names, texts);
  }

  private async fields(keys: readonly string[], field: string): Promise<(string | null)[]> {
    if (keys.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const key of keys) pipeline.hget(key, field);
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, text]) => {
      if (error) throw error;
      return text as string | null;
    });
  }
}

/**
 * Parses only what has changed since the last time: descriptions hardly ever do, and a gateway reads all of them twice
 * a second. Holds no more than the last reading had.
 */
class LastParsed<T> {
  private last = new Map<string, { text: string; value: T | undefined }>();

  constructor(private readonly schema: { safeParse(v: unknown): { success: true; data: T } | { success: false } }) {}

  /** `texts` are those of `names`, null where there is none. */
  parse(names: readonly string[], texts: readonly (string | null)[]): T[] {
    const now: typeof this.last = new Map();
    names.forEach((name, i) => {
      const text = texts[i];
      if (typeof text !== 'string') return;
      const before = this.last.get(name);
      now.set(name, before?.text === text ? before : { text, value: this.valueOf(text) });
    });
    this.last = now;
    return [...now.values()].flatMap(({ value }) => (value === undefined ? [] : [value]));
  }

  private valueOf(text: string): T | undefined {
    // A worker of a newer build may write what this one cannot read; it is left out, not a reason to fail.
    const result = this.schema.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  }
}
