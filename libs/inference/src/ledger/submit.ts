/** The first transition: nothing → starting. */
import { Script } from '../queue/script.js';
import { PRELUDE } from './lua.js';

/**
 * ARGV: prefix, now, id, head (JSON), deadline, due, budget in bytes, gateway that watches or '', id of the job that it
 * goes with or '' for one of its own, fingerprint, and of each claim its key and TTL in ms.
 *
 * Answers `{'new', outbox…}`; `{'same', id}` when a claim of the same fingerprint exists; `{'conflict'}` when one of
 * another does; `{'lost'}` when the payload is not there; `{'full', pending}` when what is pending leaves no room,
 * `{'crowded'}` when what has ended does and cannot go as fast.
 *
 * Guarantees: record, index, claims, byte count, `due` and the job's outbox entry are written together or not at all;
 * the payload, written before with a short TTL, loses its TTL only here, so that one whose submission never came goes
 * by itself. A submission that is sent again changes nothing. Over the budget what has ended makes room (room-lua.ts).
 */
export const SUBMIT = new Script(`${PRELUDE}
local head, deadline, due, budget, watcher = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local job, fingerprint = ARGV[9], ARGV[10]

-- The same submission again, after an answer that was lost: its payload is the record's and stays.
if redis.call('EXISTS', key) == 1 then return {'same', id} end
for i = 11, #ARGV, 2 do
  local told = claimedBy(ARGV[i], fingerprint)
  if told then
    redis.call('UNLINK', k('payload:' .. id))
    return told
  end
end

local rec = cjson.decode(head)
rec.size = #head
local cost = pendingCost(rec)
local pending = pendingOver(cost, budget)
if pending then
  redis.call('UNLINK', k('payload:' .. id))
  return {'full', pending}
end
if not roomFor(cost, budget) then
  redis.call('UNLINK', k('payload:' .. id))
  return {'crowded'}
end

if redis.call('PERSIST', k('payload:' .. id)) == 0 then return {'lost'} end
if watcher ~= '' then redis.call('HSET', key, 'watchers', watcher) end
local made = {}
for i = 11, #ARGV, 2 do
  redis.call('SET', ARGV[i], fingerprint .. ' ' .. id, 'PX', ARGV[i + 1])
  made[#made + 1] = ARGV[i]
end
if made[1] then redis.call('HSET', key, 'claims', table.concat(made, '\\n')) end
redis.call('ZADD', k('predictions:' .. rec.owner), rec.created, id)
rec.generation, rec.log, rec.seq, rec.watchers = '0', '', 0, ''
note(rec, 'starting')
redis.call('HSET', key, 'head', head, 'generation', 0, 'attempts', 0, 'deadline', deadline,
  'status', rec.status, 'seq', rec.seq, 'log', rec.log)
if job ~= '' then redis.call('HSET', key, 'job', job) end
pend(rec, due)
postJob(rec)
return {'new', unpack(posted)}
`);
