/**
 * The scripts of a bulk run's own life. In all of them KEYS[1] is the batch, or the chunk that joins it, and ARGV[3] the
 * id of the same; the counts and the end of a batch hang on the transitions of its chunks (batch-lua.ts).
 */
import { Script } from '../queue/script.js';
import { PRELUDE } from './lua.js';

/**
 * ARGV: …, head (JSON), claim key or '', fingerprint, claim's TTL in ms, budget. Nothing → open. Answers `{'new'}`, or
 * `{'same', id}`, `{'conflict'}`, `{'full', pending}` and `{'crowded'}` as a submission does.
 */
export const CREATE = new Script(`${PRELUDE}
local head, claim, fingerprint, ttl = cjson.decode(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
if claim ~= '' then
  local told = claimedBy(claim, fingerprint)
  if told then return told end
end
local pending = pendingOver(BATCH_COST, tonumber(ARGV[8]))
if pending then return {'full', pending} end
if not roomFor(BATCH_COST, tonumber(ARGV[8])) then return {'crowded'} end
if claim ~= '' then redis.call('SET', claim, fingerprint .. ' ' .. id, 'PX', ttl) end
redis.call('HSET', key, 'head', ARGV[4], 'state', 'open', 'generation', 0, 'committed', 0)
redis.call('ZADD', k('batches:' .. head.owner), head.created, id)
keepBatch(id, head.owner, head.keepRecord)
return {'new'}
`);

/** Of the budget that pending rows may fill: the rest is for their outputs, and for predictions that are not bulk. */
export const BULK_SHARE = 0.5;

/**
 * ARGV: …, head of the chunk (JSON), deadline, due, budget, rows, rows without an input. The chunk's rows join its batch
 * behind those that it has, and become a durable prediction of the lane `bulk`, in one step or not at all.
 *
 * Answers `{'new', committed, rows that have not ended, outbox…}`, also when it had joined before; `{'moved', committed}`
 * when the batch has not as many rows as the chunk says are before it; `{'closed', state}` when it takes no more;
 * `{'gone'}`; `{'lost'}`, `{'full', pending}` and `{'crowded'}` as a submission does. A chunk of which no row has an input
 * ends at once.
 */
export const APPEND = new Script(`${PRELUDE}
local rec, deadline, due, budget = cjson.decode(ARGV[4]), ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local rows, unread = tonumber(ARGV[8]), tonumber(ARGV[9])
local batch, payload = batchOf(rec.batch), k('payload:' .. id)

local function refused(...)
  redis.call('UNLINK', payload)
  return {...}
end

local function joined() return {'new', redis.call('HGET', batch, 'committed'), int(leftIn(batch)), unpack(posted)} end
if redis.call('EXISTS', key) == 1 then return joined() end
local f = redis.call('HMGET', batch, 'head', 'state', 'committed')
if not f[1] then return refused('gone') end
if f[2] ~= 'open' then return refused('closed', f[2]) end
if tonumber(f[3]) ~= rec.row then return refused('moved', f[3]) end
rec.size = #ARGV[4]
local cost = pendingCost(rec)
local pending = pendingOver(cost, budget * ${BULK_SHARE})
if pending then return refused('full', pending) end
-- The newest now, or it might make room for its own rows.
keepBatch(rec.batch, rec.owner, cjson.decode(f[1]).keepRecord)
if not roomFor(cost, budget) then return refused('crowded') end
if redis.call('EXISTS', batch) == 0 then return refused('gone') end
if itemsIn(rec) > 0 and redis.call('PERSIST', payload) == 0 then return {'lost'} end

redis.call('HSET', key, 'head', ARGV[4], 'generation', 0, 'attempts', 0, 'deadline', deadline)
redis.call('HINCRBY', batch, 'committed', rows)
if unread > 0 then redis.call('HINCRBY', batch, 'failed', unread) end
redis.call('ZADD', chunksOf(rec.batch), rec.row, id)
rec.generation, rec.log, rec.seq, rec.watchers = '0', '', 0, ''
move(rec, 'starting')
pend(rec, due)
if itemsIn(rec) > 0 then
  postJob(rec)
else
  unpend(rec)
  redis.call('HSET', key, 'outputs', '[]')
  move(rec, 'succeeded')
  ended(rec)
end
return joined()
`);

/** ARGV: … open → sealed; one whose rows have all ended is completed with it. Answers as a transition does. */
export const SEAL = new Script(`${PRELUDE}
if redis.call('HGET', key, 'state') ~= 'open' then return NOT_APPLIED end
redis.call('HSET', key, 'state', 'sealed')
leave(batchMember(id, cjson.decode(redis.call('HGET', key, 'head')).owner))
complete(id)
return done()
`);

/**
 * ARGV: …, row, chunks. open | sealed → canceled, and so many living chunks from that row on with it; called until it
 * answers no next row, so that no call holds Redis up for long. Answers `{1, next row or '', canceled chunks, each as
 * `<id> <generation>`…, outbox…}`, or `{0}` for a batch that has completed or is not there.
 */
export const CANCEL_BATCH = new Script(`${PRELUDE}
local name, batch = id, key
local state = redis.call('HGET', batch, 'state')
if not state or state == 'completed' then return NOT_APPLIED end
if state ~= 'canceled' then
  -- First, for Redis lets it through when it has no memory left (lua.ts).
  leave(batchMember(name, cjson.decode(redis.call('HGET', batch, 'head')).owner))
  redis.call('HSET', batch, 'state', 'canceled')
end
local found = redis.call('ZRANGEBYSCORE', chunksOf(name), ARGV[4], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[5])
local canceled, last = {}, nil
for i = 1, #found, 2 do
  id, key, last = found[i], k('prediction:' .. found[i]), found[i + 1]
  local rec = load()
  if rec and live(rec) then
    unpend(rec)
    move(rec, 'canceled')
    ended(rec)
    canceled[#canceled + 1] = id .. ' ' .. rec.generation
  end
end
-- After each step: whoever would take the next may be gone.
complete(name)
local answer = {1, last and string.format('%d', tonumber(last) + 1) or '', #canceled}
for _, each in ipairs(canceled) do answer[#answer + 1] = each end
for _, each in ipairs(posted) do answer[#answer + 1] = each end
return answer
`);
