/**
 * Redis' time in this process: the offset from `TIME`, measured at start and once a minute. Deadlines cross machines
 * in this time, so that no two clocks need agree.
 */
import type { Clock } from '../batching/clock.js';
import type { Redis } from './connection.js';

const REFRESH_MS = 60_000;
const SAMPLES = 5;
/** Past this, something else is wrong with the machine: webhooks, logs and certificates would lie too. */
export const MAX_SKEW_MS = 2_000;

export class RedisClock implements Clock {
  private offset = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly redis: Redis) {}

  now(): number {
    return localNow() + this.offset;
  }

  /** Milliseconds by which this machine's clock is behind Redis'. */
  get skewMs(): number {
    return this.offset;
  }

  /** Measures once and keeps measuring; a failed measurement keeps the last offset. */
  async start(): Promise<void> {
    this.stop();
    this.timer = setInterval(() => void this.measure().catch(() => undefined), REFRESH_MS);
    this.timer.unref();
    await this.measure();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The answer was made within the round trip, so its middle errs by at most half: the shortest of a few is kept. */
  private async measure(): Promise<void> {
    let shortest = Infinity;
    for (let i = 0; i < SAMPLES; i++) {
      const before = localNow();
      const [seconds, micros] = await this.redis.time();
      const after = localNow();
      if (after - before >= shortest) continue;
      shortest = after - before;
      this.offset = Number(seconds) * 1_000 + Number(micros) / 1_000 - (before + after) / 2;
    }
  }
}

/** This process' clock in fractions of a millisecond; it never steps, and what it drifts each measurement takes out. */
function localNow(): number {
  return performance.timeOrigin + performance.now();
}
