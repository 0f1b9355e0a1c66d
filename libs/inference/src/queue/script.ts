/**
 * A Lua script of ours: one atomic step in Redis. Its contract (keys, arguments, answer, what it guarantees) stands on
 * top of its text; here is only how it is sent.
 *
 * Invariant: a script that Redis has forgotten (SCRIPT FLUSH, failover) is sent again whole, so a call never fails for
 * that; calls on one connection keep their order only while Redis knows the script.
 */
import { createHash } from 'node:crypto';
import type { Redis } from './connection.js';

export type ScriptArgument = string | number | Buffer;

export interface ScriptCall {
  keys: readonly string[];
  args: readonly ScriptArgument[];
}

export class Script {
  private readonly sha: string;

  constructor(private readonly text: string) {
    this.sha = createHash('sha1').update(text).digest('hex');
  }

  /** What the script returns; strings as text. */
  async run(redis: Redis, { keys, args }: ScriptCall): Promise<unknown> {
    try {
      return await redis.evalsha(this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(this.text, keys.length, ...keys, ...args);
    }
  }
}
