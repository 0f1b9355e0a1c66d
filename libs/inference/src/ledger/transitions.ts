/**
 * The scripts of a prediction's life after its submission. Each is one transition, names the generation that it speaks
 * of, and answers `{1, outbox members…}` when it applied or `{0}` when it did not and nothing has changed.
 */
import { Script } from '../queue/script.js';
import { NET_MS, PRELUDE } from './lua.js';
import { OWED_MS } from './room-lua.js';

/** Begins the common run of a script: the record, unless it is gone, has ended or is of another generation. */
const LIVE = `${PRELUDE}
local rec = load()
if not rec or rec.generation ~= ARGV[4] or not live(rec) then return NOT_APPLIED end
`;

/** What ends it goes on with this. */
const ENDING = `${LIVE}
unpend(rec)
`;

/**
 * ARGV: …, generation. starting|processing → processing: a batch with it is sealed. Counts the attempt; only the first
 * of a generation is told.
 */
export const BEGIN = new Script(`${LIVE}
begin(rec)
redis.call('HSET', key, 'status', rec.status, 'seq', rec.seq, 'log', rec.log)
return done()
`);

/**
 * ARGV: …, generation, ms. starting|processing → starting in the next generation: it failed in a way that another try
 * may mend. Its new job is in the outbox, to be added after the pause.
 */
export const AGAIN = new Script(`${LIVE}
rec.generation = string.format('%d', tonumber(rec.generation) + 1)
redis.call('HSET', key, 'generation', rec.generation)
redis.call('HINCRBY', key, 'failures', 1)
redis.call('HDEL', key, 'job')
move(rec, 'starting')
postJob(rec, tonumber(ARGV[5]))
return done()
`);

/**
 * ARGV: …, generation, output bytes, outputs (JSON), metrics (JSON), rows that failed, '1' when its begin was not told.
 * starting|processing → succeeded, over processing where that was not told; a chunk of a bulk run succeeds also when rows
 * of it have not.
 */
export const SUCCEED = new Script(`${ENDING}
redis.call('SET', k('result:' .. id), ARGV[5], 'PX', rec.keepData + ${NET_MS})
if ARGV[9] == '1' then begin(rec) else redis.call('HSETNX', key, 'started', string.format('%d', now)) end
note(rec, 'succeeded', tonumber(ARGV[8]))
redis.call('HSET', key, 'status', rec.status, 'seq', rec.seq, 'log', rec.log, 'outputs', ARGV[6], 'metrics', ARGV[7],
  'completed', string.format('%d', now))
hold('outputs', rec, #ARGV[5])
rec.size = rec.size + #ARGV[6]
keep(rec)
return done()
`);

/**
 * ARGV: …, generation, code, message, dead reason or '', digest or ''. starting|processing → failed; with a reason it
 * is a dead letter, to be listed, redriven or purged.
 */
export const FAIL = new Script(`${ENDING}
redis.call('HSET', key, 'code', ARGV[5], 'message', ARGV[6])
if ARGV[7] ~= '' then
  redis.call('HSET', key, 'dead', ARGV[7], 'digest', ARGV[8])
  redis.call('ZADD', k('dead:' .. rec.owner), now, id)
  redis.call('SADD', k('dead-owners'), rec.owner)
end
move(rec, 'failed')
ended(rec)
return done()
`);

/** starting|processing → canceled, in whichever generation it is. */
export const CANCEL = new Script(`${PRELUDE}
local rec = load()
if not rec or not live(rec) then return NOT_APPLIED end
unpend(rec)
move(rec, 'canceled')
ended(rec)
return done()
`);

/**
 * ARGV: …, generation, code, message. Its deadline has passed: starting|processing → aborted where it never ran, canceled
 * where it has, be it that it was to be tried again.
 */
export const EXPIRE = new Script(`${ENDING}
redis.call('HSET', key, 'code', ARGV[5], 'message', ARGV[6])
move(rec, redis.call('HEXISTS', key, 'started') == 1 and 'canceled' or 'aborted')
ended(rec)
return done()
`);

/**
 * ARGV: …, deadline, due. failed|canceled|aborted → starting in the next generation, which a new job carries: adding a
 * job's id again while BullMQ keeps it would silently be nothing. Answers `{1, outbox…}`, `{0}` when it has not ended or
 * has succeeded, `{2}` when its input is gone.
 */
export const RETRY = new Script(`${PRELUDE}
local rec = load()
if not rec or live(rec) or rec.status == 'succeeded' then return NOT_APPLIED end
if rec.batch and redis.call('HGET', batchOf(rec.batch), 'state') == 'canceled' then return NOT_APPLIED end
if redis.call('PERSIST', k('payload:' .. id)) == 0 and redis.call('EXISTS', k('payload:' .. id)) == 0 then return {2} end
if rec.batch then reopen(rec.batch, rec.owner) end
rec.generation = string.format('%d', tonumber(rec.generation) + 1)
redis.call('PERSIST', key)
redis.call('HSET', key, 'generation', rec.generation, 'attempts', 0, 'deadline', ARGV[4])
leave(memberOf(redis.call('HGET', key, 'kept'), id, rec.owner))
redis.call('HDEL', key, 'job', 'failures', 'started', 'startTold', 'completed', 'code', 'message', 'dead', 'digest', 'kept')
renewAlias(key, id, tonumber(ARGV[4]) - now + rec.keepRecord)
redis.call('ZREM', k('dead:' .. rec.owner), id)
release('inputs', rec.inputBytes)
move(rec, 'starting')
pend(rec, tonumber(ARGV[5]))
postJob(rec)
return done()
`);

/** ARGV: …, owner. Takes the id out of the owner's dead letters; the record stays failed. */
export const PURGE = new Script(`${PRELUDE}
if redis.call('ZREM', k('dead:' .. ARGV[4]), id) == 1 and redis.call('EXISTS', key) == 1 then
  redis.call('HDEL', key, 'dead', 'digest')
end
return 1
`);

/**
 * ARGV: …, gateway. From now on the gateway is told of every transition; answers 1, or 0 when there is no such record.
 * At most eight watch: the one that came first is forgotten.
 */
export const WATCH = new Script(`${PRELUDE}
local f = redis.call('HMGET', key, 'status', 'watchers')
if not f[1] then return 0 end
local watchers = {ARGV[4]}
for gateway in string.gmatch(f[2] or '', '[^,]+') do
  if gateway ~= ARGV[4] and #watchers < 8 then watchers[#watchers + 1] = gateway end
end
redis.call('HSET', key, 'watchers', table.concat(watchers, ','))
return 1
`);

/**
 * KEYS[1] any key of ours; ARGV: prefix, now, '', limit, budget in bytes. Removes what has been kept its time: inputs,
 * outputs, then whole records with their place in every index, unless a webhook is owed; and, before its time, what makes
 * room while all bytes are over the budget (room-lua.ts). Answers how many steps that took, `limit` at most of each kind.
 */
export const SWEEP = new Script(`${PRELUDE}
local limit, budget, removed = tonumber(ARGV[4]), tonumber(ARGV[5]), 0
local function overdue(set, since, remove)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', k(set), '-inf', since, 'LIMIT', 0, limit)) do
    remove(member)
    removed = removed + 1
  end
end
for _, what in ipairs({'inputs', 'outputs'}) do
  overdue('held:' .. what, now, function(member)
    redis.call('ZREM', k('held:' .. what), member)
    drop(what, member)
  end)
end
overdue('ended', now, retire)
overdue('untold', now - ${OWED_MS}, forget)
review(limit)
local steps = makeRoom(0, budget, limit)
return removed + steps
`);
