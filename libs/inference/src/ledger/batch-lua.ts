/**
 * What the scripts do to a bulk run when one of its chunks changes; a part of their common beginning (lua.ts).
 *
 * Invariants: the counts of a batch are in rows and add up to `committed`; a batch that is sealed or canceled and has no
 * living rows has `completed` set, and its delivery in `outbox`, by the step that ended the last of them.
 */
export const batchLua = (netMs: number): string => `
local function batchOf(name) return k('batch:' .. name) end
local function chunksOf(name) return k('batch:' .. name .. ':chunks') end

-- Items lie packed where they are alike (contract/end-to-end.ts).
local function itemsIn(rec) return #(rec.items.lengths or rec.items) end

-- The rows of a chunk change; \`failed\` of them fail although their chunk does not.
local function count(rec, before, status, failed)
  local batch = batchOf(rec.batch)
  if redis.call('EXISTS', batch) == 0 then return end
  local rows = itemsIn(rec)
  if before then redis.call('HINCRBY', batch, before, 0 - rows) end
  redis.call('HINCRBY', batch, status, rows - failed)
  if failed > 0 then redis.call('HINCRBY', batch, 'failed', failed) end
  if status == 'processing' then redis.call('HSETNX', batch, 'started', string.format('%d', now)) end
end

-- Rows of it that have not ended.
local function leftIn(batch)
  local f = redis.call('HMGET', batch, 'starting', 'processing')
  return tonumber(f[1] or '0') + tonumber(f[2] or '0')
end

local function aliveIn(batch) return leftIn(batch) > 0 end

local function keepBatch(name, owner, ms)
  keepUntil(now + ms, batchMember(name, owner))
end

local function complete(name)
  local batch = batchOf(name)
  local f = redis.call('HMGET', batch, 'head', 'state', 'completed', 'generation')
  if f[3] or (f[2] ~= 'sealed' and f[2] ~= 'canceled') or aliveIn(batch) then return end
  local head = cjson.decode(f[1])
  if f[2] == 'sealed' then redis.call('HSET', batch, 'state', 'completed') end
  redis.call('HSET', batch, 'completed', string.format('%d', now))
  keepBatch(name, head.owner, head.keepRecord)
  for _, each in ipairs({batch, chunksOf(name)}) do redis.call('PEXPIRE', each, head.keepRecord + ${netMs}) end
  if head.webhook then post('hook ' .. name .. ' completed ' .. f[4]) end
end

-- A chunk of one that was not canceled is run again.
local function reopen(name, owner)
  local batch = batchOf(name)
  if redis.call('HGET', batch, 'state') ~= 'completed' then return end
  redis.call('HSET', batch, 'state', 'sealed')
  redis.call('HDEL', batch, 'completed')
  redis.call('HINCRBY', batch, 'generation', 1)
  leave(batchMember(name, owner))
  for _, each in ipairs({batch, chunksOf(name)}) do redis.call('PERSIST', each) end
end

-- The time of a batch is over; one that was never sealed and still has rows to run lives on, and then this is false.
local function dropBatch(name, owner)
  local batch = batchOf(name)
  local head = redis.call('HGET', batch, 'head')
  if head and aliveIn(batch) then
    keepBatch(name, owner, cjson.decode(head).keepRecord)
    return false
  end
  redis.call('ZREM', k('batches:' .. owner), name)
  redis.call('UNLINK', batch, chunksOf(name))
  return true
end
`;
