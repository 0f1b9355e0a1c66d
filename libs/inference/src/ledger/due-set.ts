/**
 * The walk over predictions that somebody must look at: past their deadline, or to see whether their job still lives.
 *
 * Invariants: record, job and outbox are looked at in one atomic step, so that nothing moves in between: a worker
 * settles a record before its job completes, hence a live record without a job has lost it. What needs hands is given
 * to one caller, and comes up again after AGAIN_MS if that one fails. No record that has not ended leaves `due`.
 */
import { z } from 'zod';
import type { Clock } from '../batching/clock.js';
import type { Keys } from '../contract/keys.js';
import { LANES } from '../contract/prediction-record.js';
import type { Redis } from '../queue/connection.js';
import { Script } from '../queue/script.js';
import { LOOK_MS } from './ledger.js';
import { PRELUDE } from './lua.js';

/** Looks grow rarer with the time that nothing has happened, so that a long line costs little. */
const MAX_LOOK_MS = 300_000;
const AGAIN_MS = 1_000;

/**
 * KEYS[1] `due`; ARGV: prefix, now, '', limit, first and longest pause between looks, pause of what needs hands.
 *
 * Looks at the `limit` earliest that are due and gives each its next time in the same step. Answers
 * `{looked, next score or '', {what, id, generation, lane, model, version, shared job or ''}, …}` with those that need hands:
 * `unstarted` or `running` past the deadline, `failed` or `missing` by the state of the job (BullMQ's keys: the hash
 * `<queue>:<job>` as long as a job is there, the sorted set `<queue>:failed`). A job that waits in the outbox is there.
 */
const LOOK = new Script(`${PRELUDE}
local limit, look, maxLook, again = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local due = k('due')

local function verdict(rec, deadline, shared, started)
  if deadline <= now then return started and 'running' or 'unstarted' end
  local queue, job = k(rec.lane .. '.' .. rec.model .. '@' .. rec.version), id .. '-' .. rec.generation
  -- In the job that it shares with others, unless it has got one of its own since.
  if shared and redis.call('EXISTS', queue .. ':' .. job) == 0 then job = shared end
  if redis.call('EXISTS', queue .. ':' .. job) == 1 then
    return redis.call('ZSCORE', queue .. ':failed', job) and 'failed' or 'there'
  end
  local entry = 'job ' .. rec.lane .. ' ' .. rec.model .. ' ' .. rec.version .. ' ' .. id .. ' ' .. rec.generation
  return redis.call('ZSCORE', k('outbox'), entry) and 'there' or 'missing'
end

-- Redis lets it through when it has no memory left, and then the rest too (lua.ts).
redis.call('ZREM', due, '')
local answer = {0, ''}
for _, each in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, limit)) do
  id, key = each, k('prediction:' .. each)
  answer[1] = answer[1] + 1
  local rec = load()
  if not rec or not live(rec) then
    redis.call('ZREM', due, id)
  else
    local f = redis.call('HMGET', key, 'deadline', 'job', 'started')
    local deadline = tonumber(f[1] or 0)
    local what = verdict(rec, deadline, f[2], f[3])
    if what == 'there' then
      local last = tonumber(string.match(rec.log, '(%d+) %a+ %d+\\n$') or now)
      local pause = math.min(math.max(now - last, look), maxLook)
      redis.call('ZADD', due, math.min(deadline, now + pause), id)
    else
      redis.call('ZADD', due, now + again, id)
      answer[#answer + 1] = {what, id, rec.generation, rec.lane, rec.model, rec.version, f[2] or ''}
    end
  end
end
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
answer[2] = first[2] or ''
return answer
`);

const finding = z
  .tuple([
    z.enum(['unstarted', 'running', 'failed', 'missing']),
    z.string(),
    z.coerce.number(),
    z.enum(LANES),
    z.string(),
    z.string(),
    z.string(),
  ])
  .transform(([what, id, generation, lane, model, version, job]) => ({
    what,
    id,
    generation,
    lane,
    model,
    version,
    job,
  }));

/** A prediction that needs hands, and why. */
export type Finding = z.infer<typeof finding>;

export interface Look {
  looked: number;
  findings: Finding[];
  /** When the next is due, in Redis' time; undefined when none is. */
  next?: number;
}

export class DueSet {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  async look(limit: number): Promise<Look> {
    const now = Math.floor(this.clock.now());
    const answer = await LOOK.run(this.redis, {
      keys: [this.keys.due],
      args: [this.keys.prefix, now, '', limit, LOOK_MS, MAX_LOOK_MS, AGAIN_MS],
    });
    const [looked, next, ...found] = answer as [number, string, ...unknown[]];
    // One of a lane that this build does not know is left to a build that does.
    const findings = found.flatMap((each) => finding.safeParse(each).data ?? []);
    return { looked, findings, ...(next ? { next: Number(next) } : {}) };
  }
}
