/** The steps of a delivery's life, each one script; what they share stands in lua.ts. */
import { Script } from '../queue/script.js';
import { PRELUDE } from './lua.js';

/** A line is not woken all at once when its breaker's pause or its fallback is over: so many milliseconds a member. */
const SPREAD_MS = 20;
/** Endpoints of an owner that nobody registered and that answered 410; of one that is forgotten, the next 410 tells. */
export const MAX_GONE = 1_000;
/** A job may come this much before its time: clocks of machines differ. */
const EARLY_MS = 5;

/**
 * o: {round, job, token, head (JSON; makes the record if there is none), first, limit, lease, life, keep, fallback,
 * random}. May this job make its attempt now?
 *
 * Answers `{'granted', attempts so far}` with a permit held as `<job> <token>`; `{'wait', ms}` when it came early or
 * another run of it still holds its permit; `{'parked', ms}` when it was put into the line of its endpoint, from where a
 * permit's release wakes it before those milliseconds are over; `{'ended', state}` when there is nothing to do, for the
 * delivery has ended or is in another round; `{'ends', state}` when this ended it: its endpoint is disabled, or its
 * attempt has been due for longer than `life`. All but the first may be followed by job ids that are to be woken now.
 *
 * Guarantees: waiting changes no count of attempts; a job woken by a release finds its permit reserved.
 */
export const BEGIN = new Script(`${PRELUDE}
local rec = load()
if not rec then
  if o.round ~= 0 then return {'ended', 'gone'} end
  local first = int(now + o.first)
  redis.call('HSET', key, 'head', o.head, 'state', 'pending', 'round', 0, 'attempts', 0, 'next', first, 'since', int(now))
  rec = load()
  redis.call('ZADD', k('deliveries:' .. rec.owner), int(rec.created), id)
  redis.call('ZREMRANGEBYSCORE', k('deliveries:' .. rec.owner), '-inf', int(now - o.keep - o.life))
  redis.call('PEXPIRE', k('deliveries:' .. rec.owner), int(o.keep + o.life))
  redis.call('SADD', k('deliveries-of:' .. rec.subject), id)
  redis.call('PEXPIRE', k('deliveries-of:' .. rec.subject), int(o.keep + o.life))
end
local e = rec.endpoint
parked(-redis.call('ZREM', line(e), o.job))
dropExpired(e)
local reserved = redis.call('ZREM', permits(e), o.job .. ' reserved') == 1
-- A permit that was kept for this job and is not taken goes to the next in the line.
local function passing(answer)
  if reserved then
    for _, job in ipairs(handOver(e)) do answer[#answer + 1] = job end
  end
  return answer
end

if rec.state ~= 'pending' or rec.round ~= o.round then return passing({'ended', rec.state}) end
if redis.call('HEXISTS', k('endpoint:' .. e), 'disabled') == 1 then
  finish(rec, 'disabled', 'endpoint-disabled')
  return passing({'ends', 'disabled'})
end
if rec.next > now + ${EARLY_MS} then
  expect(rec.next)
  return passing({'wait', int(rec.next - now)})
end

local held = redis.call('ZRANGE', permits(e), 0, -1, 'WITHSCORES')
local out = #held / 2
for i = 1, #held, 2 do
  if held[i] == o.job .. ' ' .. o.token then out = out - 1
  elseif string.sub(held[i], 1, #o.job + 1) == o.job .. ' ' then
    expect(tonumber(held[i + 1]))
    return {'wait', int(tonumber(held[i + 1]) - now + 1)}
  end
end
local reopen = tonumber(redis.call('HGET', health(e), 'reopen') or '0')
local limit = reopen > 0 and 1 or o.limit
if reopen <= now and (reserved or out < limit) then
  hold(e, o.job .. ' ' .. o.token)
  redis.call('SREM', k('failing:' .. e), id)
  expect(now + o.lease)
  return {'granted', int(rec.attempts)}
end

if now - math.max(rec.since, rec.next) > o.life then
  finish(rec, 'failed', 'expired')
  return {'ends', 'failed'}
end
parked(redis.call('ZADD', line(e), int(rec.next), o.job))
local spread = o.random * redis.call('ZCARD', line(e)) * ${SPREAD_MS}
local wait = (reopen > now and reopen - now or o.fallback) + spread + 1
expect(now + wait)
return {'parked', int(wait)}
`);

/**
 * o: {endpoint, round, job, token, attempt, verdict, line, url, next, limit, lease, keep, threshold, pause, maxPause, random}.
 * Ends an attempt and gives its permit back. `verdict`: `delivered`; `failed`, tried again at `next` or, with none,
 * exhausted; `gone` (410: the endpoint is disabled); `canceled` (nothing to tell of any more); `abandoned` (no attempt
 * was made, the job comes again).
 *
 * Answers `{state, opened, wake, wake in ms, woken…}`: the record's state ('' when it spoke of another round or attempt
 * and nothing was changed but its permit), 1 when this failure opened the breaker, the job id that shall be the trial
 * ('' for none) and when; then the job ids that were handed a permit and are to be woken now.
 *
 * Guarantees: an attempt counts once, for its delivery and for its endpoint, whoever reports it twice; `threshold`
 * failures in a row, or one while the breaker is open, open it until a pause has passed, which doubles up to `maxPause`;
 * one success closes it.
 */
export const SETTLE = new Script(`${PRELUDE}
local e = o.endpoint
local held = redis.call('ZREM', permits(e), o.job .. ' ' .. o.token) == 1
local rec = load()
local state = ''
if rec and rec.state == 'pending' and rec.round == o.round and rec.attempts + 1 == o.attempt then
  if o.verdict == 'canceled' then finish(rec, 'canceled', 'subject-gone')
  elseif o.verdict ~= 'abandoned' then
    redis.call('HSET', key, 'attempts', o.attempt)
    record(o.line)
    if o.verdict == 'delivered' then finish(rec, 'delivered')
    elseif o.verdict == 'gone' then
      local stored = k('endpoint:' .. e)
      if redis.call('EXISTS', stored) == 0 then
        redis.call('HSET', stored, 'owner', rec.owner, 'url', o.url, 'created', int(now), 'updated', int(now))
        local gone = k('endpoints-gone:' .. rec.owner)
        redis.call('ZADD', gone, int(now), e)
        if redis.call('ZCARD', gone) > ${MAX_GONE} then
          redis.call('DEL', k('endpoint:' .. redis.call('ZPOPMIN', gone)[1]))
        end
      end
      redis.call('HSET', stored, 'disabled', int(now))
      finish(rec, 'disabled', 'endpoint-disabled')
      disable(e)
    elseif o.next then
      redis.call('HSET', key, 'next', int(now + o.next))
      redis.call('SADD', k('failing:' .. e), id)
      redis.call('PEXPIRE', k('failing:' .. e), int(o.keep))
      expect(now + o.next)
    else finish(rec, 'failed', 'exhausted') end
  end
  state = rec.state
end

local opened = 0
-- Reported again, it says nothing of its endpoint that is not known.
local news = (held or state ~= '') and o.verdict
if news == 'delivered' or news == 'gone' then redis.call('DEL', health(e))
elseif news == 'failed' then
  local open = redis.call('HEXISTS', health(e), 'reopen') == 1
  local failures = redis.call('HINCRBY', health(e), 'failures', 1)
  if open or failures >= o.threshold then
    if not open then opened = 1 end
    local opens = redis.call('HINCRBY', health(e), 'opens', 1)
    local pause = math.min(o.maxPause, o.pause * 2 ^ math.min(opens - 1, 20)) * (0.75 + 0.5 * o.random)
    redis.call('HSET', health(e), 'reopen', int(now + pause))
  end
  touchHealth(e)
end
local reopen = tonumber(redis.call('HGET', health(e), 'reopen') or '0')
if reopen > 0 then
  local first = redis.call('ZRANGE', line(e), 0, 0)
  return {state, opened, first[1] or '', int(math.max(0, reopen - now) + 1)}
end
return {state, opened, '', 0, unpack(handOver(e))}
`);

/** o: {endpoint, members, lease}. Renews the leases of permits that are still held; one that ran out stays gone. */
export const RENEW = new Script(`${PRELUDE}
for _, member in ipairs(o.members) do
  redis.call('ZADD', permits(o.endpoint), 'XX', int(now + o.lease), member)
end
redis.call('PEXPIRE', permits(o.endpoint), int(o.lease))
return 0
`);

/** o: {keep}. pending → canceled: its prediction or batch is gone. Answers 1, or 0 when there was nothing to cancel. */
export const CANCEL = new Script(`${PRELUDE}
local rec = load()
if not rec or rec.state ~= 'pending' then return 0 end
finish(rec, 'canceled', 'subject-gone')
return 1
`);

/**
 * o: {owner, first, keep}. Any state → pending in the next round, whose job begins the schedule anew; one that is pending is
 * begun anew as well, and an attempt of its old round that is under way counts for nothing.
 * Answers `{'gone'}`, also for another owner's; `{'disabled'}` when its endpoint is; `{'done', round, head}`.
 */
export const REPLAY = new Script(`${PRELUDE}
local rec = load()
if not rec or rec.owner ~= o.owner then return {'gone'} end
if redis.call('HEXISTS', k('endpoint:' .. rec.endpoint), 'disabled') == 1 then return {'disabled'} end
local round = redis.call('HINCRBY', key, 'round', 1)
redis.call('HSET', key, 'state', 'pending', 'attempts', 0, 'next', int(now + o.first), 'since', int(now))
redis.call('HDEL', key, 'completed', 'reason')
expect(now + o.first)
return {'done', round, redis.call('HGET', key, 'head')}
`);
