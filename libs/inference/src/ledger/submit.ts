/** The first transition: nothing → starting. */
import { Script } from '../queue/script.js';
import { PRELUDE, RECORD_COST } from './lua.js';

/** Most evictions in one call, so that a submission never holds Redis up for long; the rest is the next one's work. */
const MAX_EVICTIONS = 64;

/**
 * ARGV: prefix, now, id, head (JSON), deadline, due, budget in bytes, gateway that watches or '', claim key or '',
 * fingerprint, claim's TTL in ms, second claim key or ''.
 *
 * Answers `{'new', outbox…}`; `{'same', id}` when a claim of the same fingerprint exists; `{'conflict'}` when one of
 * another does; `{'lost'}` when the payload is not there; `{'full', pending}` when what is pending leaves no room.
 *
 * Guarantees: record, index, claims, byte count, `due` and the job's outbox entry are written together or not at all;
 * the payload, written before with a short TTL, loses its TTL only here, so that one whose submission never came goes
 * by itself. Over the budget the oldest inputs of ended predictions go first, then the oldest outputs.
 */
export const SUBMIT = new Script(`${PRELUDE}
local head, deadline, due, budget, watcher = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local claims, fingerprint, ttl = {ARGV[9], ARGV[12]}, ARGV[10], ARGV[11]

for _, claim in ipairs(claims) do
  if claim ~= '' then
    local held = redis.call('GET', claim)
    if held then
      redis.call('UNLINK', k('payload:' .. id))
      local theirs, other = string.match(held, '^(%S+) (%S+)$')
      if theirs ~= fingerprint then return {'conflict'} end
      return {'same', other}
    end
  end
end
if redis.call('EXISTS', key) == 1 then return {'same', id} end

local rec = cjson.decode(head)
local cost = rec.inputBytes + ${RECORD_COST}
local b = redis.call('HMGET', k('bytes'), 'pending', 'inputs', 'outputs')
local pending, held = tonumber(b[1] or '0'), tonumber(b[2] or '0') + tonumber(b[3] or '0')
if pending + cost > budget then
  redis.call('UNLINK', k('payload:' .. id))
  return {'full', tostring(pending)}
end
local evictions = 0
while pending + held + cost > budget and evictions < ${MAX_EVICTIONS} do
  local what = 'inputs'
  local oldest = redis.call('ZPOPMIN', k('held:inputs'))
  if not oldest[1] then
    what = 'outputs'
    oldest = redis.call('ZPOPMIN', k('held:outputs'))
  end
  if not oldest[1] then break end
  drop(what, oldest[1])
  held = held - tonumber(string.match(oldest[1], '^%d+'))
  evictions = evictions + 1
end

if redis.call('PERSIST', k('payload:' .. id)) == 0 then return {'lost'} end
redis.call('HSET', key, 'head', head, 'generation', 0, 'attempts', 0, 'deadline', deadline)
if watcher ~= '' then redis.call('HSET', key, 'watchers', watcher) end
for _, claim in ipairs(claims) do
  if claim ~= '' then redis.call('SET', claim, fingerprint .. ' ' .. id, 'PX', ttl) end
end
if not rec.batch then redis.call('ZADD', k('predictions:' .. rec.owner), rec.created, id) end
rec.generation, rec.log, rec.seq, rec.watchers = '0', '', 0, ''
move(rec, 'starting')
pend(rec, due)
postJob(rec)
return {'new', unpack(posted)}
`);
