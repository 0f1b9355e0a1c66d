/**
 * When what Redis has answered is in its append-only file, too. With an fsync each second Redis answers before it has
 * written: while an fsync is under way it holds writes back, for up to two seconds, and loses them when it is killed.
 *
 * `aof_pending_bio_fsync` of INFO is 0 only while none is under way, and Redis writes the file before it sends the
 * answers of the same turn: whoever gets a 0 knows that all that was executed before is in the file, as far as the system
 * that Redis runs on keeps its own promises (the last second is lost with the machine).
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from '../connection.js';

const ASK_AGAIN_MS = 5;
/** Redis holds writes back for two seconds at most. */
const HELD_BACK_MS = 2_500;

export class AppendLog {
  /** Asked, and not sent yet: it serves whoever comes in the same turn. */
  private next: Promise<void> | undefined;

  constructor(private readonly redis: Redis) {}

  /** Resolves when all that Redis has executed by now would outlive it. @throws when Redis does not answer. */
  written(): Promise<void> {
    this.next ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.next = undefined;
        this.ask().then(resolve, reject);
      });
    });
    return this.next;
  }

  private async ask(): Promise<void> {
    const end = performance.now() + HELD_BACK_MS;
    for (;;) {
      const info = await this.redis.info('persistence');
      // Absent where there is no append-only file, of which each gateway warns at its start.
      if (!/^aof_pending_bio_fsync:[1-9]/m.test(info) || performance.now() > end) return;
      await pause(ASK_AGAIN_MS);
    }
  }
}
