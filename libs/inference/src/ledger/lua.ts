/**
 * What every transition script begins with: reading a record, and the one place where its status changes.
 *
 * All scripts share: KEYS[1] is the record; ARGV[1] the prefix of all keys (one Cluster slot, so that a script may
 * reach what it needs), ARGV[2] now in whole milliseconds by Redis' clock, ARGV[3] the prediction's id.
 *
 * Invariants, kept by `note` and `ended` below:
 * - a status changes here alone; each change is one line of the log and one notice to each gateway that watches;
 * - a record that has ended is kept (kept-lua.ts), and in neither `due` nor the pending bytes; one that has not, the
 *   reverse;
 * - `bytes.pending` is the cost of all records that have not ended;
 * - what ends a prediction begins with `unpend`: Redis lets a ZREM through when it has no memory left, and then the
 *   rest of the script too, so that full memory never keeps anything from ending;
 * - a delivery that a change calls for is in `outbox` in the same step.
 */
import { batchLua } from './batch-lua.js';
import { CLAIM_LUA } from './claim-lua.js';
import { KEPT_LUA } from './kept-lua.js';
import { roomLua } from './room-lua.js';

/** What a record that has not ended costs beside its input: the hash, its places in the sorted sets, its job. */
export const RECORD_COST = 2_048;
/** Of its head, so much is in RECORD_COST; ids and names of a chunk's rows may be much more. */
export const HEAD_IN_COST = 1_024;
/** Past the sweep, which normally removes: if no gateway lives, Redis forgets by itself. */
export const NET_MS = 3_600_000;
/** A log keeps its last lines: a prediction may be retried by hand without end. */
const MAX_LOG = 2_048;
/** As long as a gateway's own stream outlives it. */
const REPLY_TTL_SECONDS = 60;

export const PRELUDE = `
local P, now, id = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local key = KEYS[1]
local function k(name) return P .. ':' .. name end
local posted = {}

local function load()
  local f = redis.call('HMGET', key, 'head', 'status', 'generation', 'log', 'seq', 'watchers', 'headCost')
  if not f[1] then return nil end
  local rec = cjson.decode(f[1])
  rec.status, rec.generation, rec.log, rec.seq, rec.watchers = f[2], f[3], f[4] or '', tonumber(f[5] or '0'), f[6] or ''
  rec.size, rec.headCost = #f[1], tonumber(f[7] or '0')
  return rec
end

local function live(rec) return rec.status == 'starting' or rec.status == 'processing' end

local function post(member, pause)
  redis.call('ZADD', k('outbox'), now + (pause or 0), member)
  posted[#posted + 1] = member
end

${KEPT_LUA}
${batchLua(NET_MS)}
${CLAIM_LUA}
local function postJob(rec, pause)
  post('job ' .. rec.lane .. ' ' .. rec.model .. ' ' .. rec.version .. ' ' .. id .. ' ' .. rec.generation, pause)
end

-- Whether somebody wants to be told.
local function postHook(rec, event)
  for _, wanted in ipairs(rec.webhook and (rec.events or {'completed'}) or {}) do
    if wanted == event then
      post('hook ' .. id .. ' ' .. event .. ' ' .. rec.generation)
      return true
    end
  end
  return false
end

-- A status changes here: the log, those who watch, the batch. Whoever calls this writes status, seq and log.
local function note(rec, status, failedRows)
  local before = rec.status
  rec.status, rec.seq = status, rec.seq + 1
  local log = rec.log .. rec.seq .. ' ' .. string.format('%d', now) .. ' ' .. status .. ' ' .. rec.generation .. '\\n'
  while #log > ${MAX_LOG} do log = string.sub(log, string.find(log, '\\n', 1, true) + 1) end
  rec.log = log
  if rec.watchers ~= '' then
    local text = cjson.encode({v = 1, id = id, status = status, generation = tonumber(rec.generation), event = rec.seq})
    for gateway in string.gmatch(rec.watchers, '[^,]+') do
      local stream = k('reply:' .. gateway)
      -- A gateway that lives renews its stream; notices to one that is dead must not keep it.
      local fresh = redis.call('EXISTS', stream) == 0
      redis.call('XADD', stream, '*', 'n', text)
      if fresh then redis.call('EXPIRE', stream, ${REPLY_TTL_SECONDS}) end
    end
  end
  if rec.batch then count(rec, before, status, failedRows or 0) end
end

local function move(rec, status)
  note(rec, status)
  redis.call('HSET', key, 'status', status, 'seq', rec.seq, 'log', rec.log)
end

-- A batch with it is sealed: counts the attempt; only the first of a generation is told.
local function begin(rec)
  local attempt = redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('HSETNX', key, 'started', string.format('%d', now))
  note(rec, 'processing')
  -- The generation of it, which an automatic try leaves behind.
  if attempt == 1 and postHook(rec, 'start') then redis.call('HSET', key, 'startTold', rec.generation) end
end

-- What it will be to have it pending. A record must have its head's size before this.
local function pendingCost(rec)
  rec.headCost = math.max(0, rec.size - ${HEAD_IN_COST})
  return rec.inputBytes + ${RECORD_COST} + rec.headCost
end

-- What is added is written down, so that another build takes as much away.
local function pend(rec, due)
  grow('pending', pendingCost(rec))
  if rec.headCost > 0 then redis.call('HSET', key, 'headCost', int(rec.headCost)) end
  redis.call('ZADD', k('due'), due, id)
end

local function unpend(rec)
  redis.call('ZREM', k('due'), id)
  grow('pending', -(rec.inputBytes + ${RECORD_COST} + rec.headCost))
end

-- What an end calls for beside its own fields.
local function keep(rec)
  hold('inputs', rec, rec.inputBytes)
  local cost = costOf(rec)
  redis.call('HSET', key, 'kept', cost)
  keepUntil(now + rec.keepRecord, memberOf(cost, id, rec.owner))
  redis.call('PEXPIRE', key, rec.keepRecord + ${NET_MS})
  redis.call('PEXPIRE', k('payload:' .. id), rec.keepData + ${NET_MS})
  -- What has been told must be known for as long as the record is kept (room-lua.ts).
  local list = rec.webhook and k('deliveries-of:' .. id)
  local left = list and redis.call('PTTL', list) or -2
  if left >= 0 and left < rec.keepRecord + ${NET_MS} then redis.call('PEXPIRE', list, rec.keepRecord + ${NET_MS}) end
  postHook(rec, 'completed')
  if rec.batch then complete(rec.batch) end
end

local function ended(rec)
  redis.call('HSET', key, 'completed', string.format('%d', now))
  keep(rec)
end

local function done() return {1, unpack(posted)} end
local NOT_APPLIED = {0}

${roomLua(NET_MS)}`;
