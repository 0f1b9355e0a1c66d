/**
 * A lease in Redis: of all processes that want it, one holds it, until it gives it up or has not renewed it in time.
 *
 * Invariant: `held` turns false before Redis lets anybody else have it. A holder that was paused may still finish what
 * it began, so what is done under a lease must do no harm when done twice.
 */
import type { Redis } from './connection.js';
import { Script } from './script.js';

/**
 * KEYS[1] the lease; ARGV: holder, TTL in ms. Takes a free lease or renews the holder's own; 1 when it holds it. Also in a
 * full Redis, whose room is made under a lease: it lets a removal through, and then the rest of the script too.
 */
const TAKE = new Script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** KEYS[1] the lease; ARGV: holder. Frees it if it is the holder's. */
const RELEASE = new Script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

export interface LeaseOptions {
  redis: Redis;
  key: string;
  holder: string;
  ttlMs: number;
}

export class Lease {
  private until = 0;

  constructor(private readonly options: LeaseOptions) {}

  get held(): boolean {
    return performance.now() < this.until;
  }

  /** Takes or renews it. A rejection says nothing, and leaves what is held until its time is over. */
  async take(): Promise<boolean> {
    const { redis, key, holder, ttlMs } = this.options;
    // Counted from before the command: Redis counts from after it.
    const asked = performance.now();
    const taken = (await TAKE.run(redis, { keys: [key], args: [holder, ttlMs] })) === 1;
    this.until = taken ? asked + ttlMs : 0;
    return this.held;
  }

  async release(): Promise<void> {
    const { redis, key, holder } = this.options;
    this.until = 0;
    await RELEASE.run(redis, { keys: [key], args: [holder] });
  }
}
