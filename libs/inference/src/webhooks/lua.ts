/**
 * What every script of a delivery begins with: its record, its end, and the permits and the line of its endpoint.
 *
 * All scripts share: KEYS[1] is the delivery's record; ARGV[1] the prefix of all keys (one Cluster slot), ARGV[2] now in
 * whole milliseconds by Redis' clock, ARGV[3] the delivery's id, ARGV[4] the rest of the arguments as JSON.
 *
 * Keys of an endpoint: `permits:<e>`, a sorted set of `<job id> <token>` by the end of their lease; `line:<e>`, a sorted
 * set of job ids by the time their attempt was due; `failing:<e>`, the set of deliveries that wait for another attempt;
 * `health:<e>`, a hash of `failures` in a row, `opens` in a row, and `reopen`, the time from which one trial may go, which
 * is there only while the breaker is open.
 *
 * Invariants: a record that is pending is in `pending-deliveries`, one that has ended is not; at most `limit` unexpired
 * permits are out, one while the breaker is open; `parked-deliveries` is the length of all lines together.
 */

/** An endpoint of which nothing has been heard for so long is as good as new. */
const HEALTH_MS = 86_400_000;
/** The log keeps its last lines: a delivery may be replayed without end. */
const MAX_LOG = 1_024;
/** Past the time by which something must have happened, before the reconciler looks. */
const SLACK_MS = 60_000;
/** No script holds Redis up for longer than this many records take. */
const MOST_AT_ONCE = 1_000;

export const PRELUDE = `
local P, now, id, o = ARGV[1], tonumber(ARGV[2]), ARGV[3], cjson.decode(ARGV[4])
local key = KEYS[1]
local function k(name) return P .. ':' .. name end
local function int(n) return string.format('%d', n) end

local function load()
  local f = redis.call('HMGET', key, 'head', 'state', 'round', 'attempts', 'next', 'since')
  if not f[1] then return nil end
  local rec = cjson.decode(f[1])
  rec.state, rec.round, rec.attempts = f[2], tonumber(f[3]), tonumber(f[4])
  rec.next, rec.since = tonumber(f[5] or '0'), tonumber(f[6])
  return rec
end

-- Something will happen to it by then, or the reconciler looks.
local function expect(at)
  redis.call('ZADD', k('pending-deliveries'), int(at + ${SLACK_MS}), id)
  redis.call('PEXPIRE', key, int(at - now + o.keep))
end

local function close(delivery, state, reason)
  local stored = k('delivery:' .. delivery)
  redis.call('HSET', stored, 'state', state, 'completed', int(now))
  redis.call('HDEL', stored, 'next')
  if reason then redis.call('HSET', stored, 'reason', reason) end
  redis.call('ZREM', k('pending-deliveries'), delivery)
  redis.call('PEXPIRE', stored, int(o.keep))
end

local function finish(rec, state, reason)
  rec.state = state
  redis.call('SREM', k('failing:' .. rec.endpoint), id)
  close(id, state, reason)
end

local function record(line)
  local log = (redis.call('HGET', key, 'log') or '') .. line
  while #log > ${MAX_LOG} do log = string.sub(log, string.find(log, '\\n', 1, true) + 1) end
  redis.call('HSET', key, 'log', log)
end

local function parked(change)
  if change ~= 0 then redis.call('INCRBY', k('parked-deliveries'), change) end
end

local function permits(e) return k('permits:' .. e) end
local function line(e) return k('line:' .. e) end
local function health(e) return k('health:' .. e) end

local function hold(e, member)
  redis.call('ZADD', permits(e), int(now + o.lease), member)
  redis.call('PEXPIRE', permits(e), int(o.lease))
end

local function dropExpired(e) redis.call('ZREMRANGEBYSCORE', permits(e), '-inf', int(now)) end

-- Gives free permits to the first in the line: each job id that this answers is to be woken now.
local function handOver(e)
  dropExpired(e)
  local woken = {}
  for _ = redis.call('ZCARD', permits(e)) + 1, o.limit do
    local first = redis.call('ZPOPMIN', line(e))
    if not first[1] then break end
    parked(-1)
    hold(e, first[1] .. ' reserved')
    woken[#woken + 1] = first[1]
  end
  return woken
end

local function touchHealth(e) redis.call('PEXPIRE', health(e), ${HEALTH_MS}) end

-- Ends what waits for an endpoint that has said it wants no more; of very many, the rest when their time comes.
local function disable(e)
  for _, job in ipairs(redis.call('ZRANGE', line(e), 0, ${MOST_AT_ONCE} - 1)) do
    parked(-redis.call('ZREM', line(e), job))
    local delivery = string.match(job, '^(.*)%-r%d+$') or job
    if redis.call('HGET', k('delivery:' .. delivery), 'state') == 'pending' then
      close(delivery, 'disabled', 'endpoint-disabled')
    end
  end
  for _, delivery in ipairs(redis.call('SPOP', k('failing:' .. e), ${MOST_AT_ONCE})) do
    if redis.call('HGET', k('delivery:' .. delivery), 'state') == 'pending' then
      close(delivery, 'disabled', 'endpoint-disabled')
    end
  end
end
`;
