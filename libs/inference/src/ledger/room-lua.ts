/**
 * How what is kept goes, when its time is over or its room is needed; a part of the common beginning of all scripts
 * (lua.ts).
 *
 * Invariants: over the budget the oldest inputs go first, then the oldest outputs, and of the records beyond their share
 * the oldest, once their data is gone. A record stays while a webhook of it has not been delivered or given up, at most
 * OWED_MS past its time, and a batch that has rows until it has ended: those are `untold`, and count like what has not
 * ended. With a record go its deliveries and its claims. What comes makes its room first, or is refused where all would
 * be more than a RECORD_SHARE over the budget; the room of outputs is the sweep's to make.
 */

/** Of the budget that records may fill although inputs and outputs, or what has not ended, need the room. */
export const RECORD_SHARE = 0.25;

/** Longer than all pauses of the usual schedule, and of receivers that ask for a day before each attempt. */
export const OWED_MS = 30 * 86_400_000;

/** Evictions of one submission: some, and as many small records as its bytes need, but never so many that Redis stands. */
const LEAST_EVICTIONS = 64;
const MOST_EVICTIONS = 512;
const EVICTED_BYTES = 1_024;

export const roomLua = (netMs: number): string => `
-- Frees what was held by the member '<bytes> <id>' of held:<what>.
local function drop(what, member)
  local owner = string.match(member, '^%d+ (.+)$')
  grow(what, -heldCost(member))
  redis.call('UNLINK', k((what == 'inputs' and 'payload:' or 'result:') .. owner))
  local other = k('prediction:' .. owner)
  if redis.call('EXISTS', other) == 1 then redis.call('HSET', other, 'removed', '1') end
end

local function forgetDeliveries(subject, owner)
  local all = k('deliveries-of:' .. subject)
  for _, delivery in ipairs(redis.call('SMEMBERS', all)) do
    -- One that is pending finds its subject gone, and ends by that.
    if redis.call('HGET', k('delivery:' .. delivery), 'state') ~= 'pending' then
      redis.call('ZREM', k('deliveries:' .. owner), delivery)
      redis.call('UNLINK', k('delivery:' .. delivery))
    end
  end
  redis.call('UNLINK', all)
end

-- Removes a record or a batch, with its place in every index.
local function forget(member)
  local _, gone, owner = partsOf(member)
  leave(member)
  if string.sub(gone, 1, 1) == 'b' then
    if dropBatch(gone, owner) then forgetDeliveries(gone, owner) end
    return
  end
  local record = k('prediction:' .. gone)
  for _, claim in ipairs(claimsOf(record, gone)) do redis.call('UNLINK', claim) end
  redis.call('ZREM', k('predictions:' .. owner), gone)
  redis.call('ZREM', k('dead:' .. owner), gone)
  redis.call('UNLINK', record)
  forgetDeliveries(gone, owner)
end

-- Whether all that was to be told of it has been: its end, and its start where there was one, each in its generation. A
-- delivery that has not begun has no record yet.
local function told(name, head, generation, startTold)
  local generations = {completed = generation, start = startTold}
  for _, event in ipairs(head.webhook and (head.events or {'completed'}) or {}) do
    local of = generations[event]
    if of then
      local delivery = 'msg_' .. name .. '_' .. event .. '_' .. of
      local state = redis.call('HGET', k('delivery:' .. delivery), 'state')
      -- One that has ended may have gone before its subject, whose list still has it.
      if state == 'pending' then return false end
      if not state and redis.call('SISMEMBER', k('deliveries-of:' .. name), delivery) == 0 then return false end
    end
  end
  return true
end

local function isBatch(name) return string.sub(name, 1, 1) == 'b' end

-- 'gone'; 'open' for a batch that has rows and has not ended; 'owing' while a webhook is to be delivered; 'told'.
local function standing(name)
  local of = isBatch(name) and batchOf(name) or k('prediction:' .. name)
  local f = redis.call('HMGET', of, 'head', 'generation', 'completed', 'startTold', 'committed')
  if not f[1] then return 'gone' end
  if isBatch(name) and not f[3] then return f[5] == '0' and 'told' or 'open' end
  return told(name, cjson.decode(f[1]), f[2], f[4]) and 'told' or 'owing'
end

-- What would go at that time stays until it may.
local function owe(member, at)
  local bytes, name = partsOf(member)
  leave(member)
  redis.call('ZADD', k('untold'), int(at), member)
  grow('untold', bytes)
  local left = at + ${OWED_MS} - now
  if isBatch(name) then
    -- One that has not ended has no end of its own.
    if redis.call('PTTL', batchOf(name)) > 0 then
      for _, each in ipairs({batchOf(name), chunksOf(name)}) do redis.call('PEXPIRE', each, int(left + ${netMs})) end
    end
  else
    local record = k('prediction:' .. name)
    redis.call('PEXPIRE', record, int(left + ${netMs}))
    renewAlias(record, name, left)
  end
end

-- At its time.
local function retire(member)
  local _, name = partsOf(member)
  if standing(name) == 'owing' then owe(member, now) else forget(member) end
end

-- The oldest record goes, or becomes untold; nil when there is none, or when it still has data, which goes first.
local function evict()
  local oldest = redis.call('ZRANGE', k('ended'), 0, 0, 'WITHSCORES')
  if not oldest[1] then return nil end
  local bytes, name = partsOf(oldest[1])
  if redis.call('STRLEN', k('payload:' .. name)) + redis.call('STRLEN', k('result:' .. name)) > 0 then return nil end
  local is = standing(name)
  if is == 'gone' or is == 'told' then
    forget(oldest[1])
    return bytes, bytes
  end
  -- One that has not ended goes at its time, whatever it will have to tell.
  local at = tonumber(oldest[2])
  owe(oldest[1], is == 'open' and at - ${OWED_MS} or at)
  return bytes, 0
end

-- Those of some untold that have been told meanwhile are as old as they are.
local function review(most)
  for _, member in ipairs(redis.call('ZRANDMEMBER', k('untold'), most)) do
    local _, name = partsOf(member)
    local is = standing(name)
    if is == 'gone' or is == 'told' then keepUntil(redis.call('ZSCORE', k('untold'), member), member) end
  end
end

-- Bytes that may not go before their time, when those alone leave no room for cost more; nil when they do.
local function pendingOver(cost, budget)
  local b = redis.call('HMGET', k('bytes'), 'pending', 'untold')
  local pending = tonumber(b[1] or '0') + tonumber(b[2] or '0')
  return pending + cost > budget and int(pending) or nil
end

-- The oldest of what is held goes; nil when nothing is.
local function dropOldest(what)
  local oldest = redis.call('ZPOPMIN', k('held:' .. what))
  if not oldest[1] then return nil end
  drop(what, oldest[1])
  return heldCost(oldest[1])
end

-- Drops what may go, in its order, until <cost> more bytes fit into the budget; how many steps that took, and what it is
-- over still.
local function makeRoom(cost, budget, most)
  local b = redis.call('HMGET', k('bytes'), 'records', 'pending', 'untold', 'inputs', 'outputs')
  local records, over = tonumber(b[1] or '0'), cost - budget
  for i = 1, 5 do over = over + tonumber(b[i] or '0') end
  local steps = 0
  while over > 0 and steps < most do
    local freed, left
    if records > budget * ${RECORD_SHARE} then left, freed = evict() end
    if left then records = records - left
    else freed = dropOldest('inputs') or dropOldest('outputs') end
    if not freed then break end
    over = over - freed
    steps = steps + 1
  end
  return steps, over
end

-- Room for what is to be stored; false while there is so much to drop that the sweep must go first.
local function roomFor(cost, budget)
  local most = math.min(${MOST_EVICTIONS}, ${LEAST_EVICTIONS} + math.ceil(cost / ${EVICTED_BYTES}))
  local steps, over = makeRoom(cost, budget, most)
  return steps < most or over <= budget * ${RECORD_SHARE}
end
`;
