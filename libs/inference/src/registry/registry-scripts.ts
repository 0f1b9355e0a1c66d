/**
 * Every change of the registry, each one atomic step. All take ARGV[1] the prefix, ARGV[2] now in ms, ARGV[3] the
 * model's name, ARGV[4] its version; what else, and the answer, stands over each.
 *
 * Guarantees of all: what a call changes it changes whole or not at all; after a change the revision is higher and the
 * `control` stream says so; a call that is sent again changes nothing more.
 */
import { CONTROL_STREAM_LENGTH } from '../contract/control.js';
import { Script } from '../queue/script.js';

export const MAX_REGISTRATIONS = 10_000;

const PRELUDE = `
local p, now, name, version = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local function k(rest) return p .. ':' .. rest end
local member = name .. ':' .. version
local key, routed = k('registration:' .. member), k('route:' .. name)

-- Never one that was given before, though Redis may have lost the last of them: who has seen that would see no change.
local function changed()
  local last = tonumber(redis.call('GET', k('registry-revision')) or 0)
  local revision = string.format('%.0f', math.max(last + 1, tonumber(now)))
  redis.call('SET', k('registry-revision'), revision)
  redis.call('XADD', k('control'), 'MAXLEN', '~', ${CONTROL_STREAM_LENGTH}, '*', 'm', '{"v":1,"registry":' .. revision .. '}')
end

local function move(state, reason)
  redis.call('HSET', key, 'state', state, 'updated', now)
  if reason and reason ~= '' then redis.call('HSET', key, 'reason', reason) else redis.call('HDEL', key, 'reason') end
end

local function decoded(field, otherwise)
  return cjson.decode(redis.call('HGET', routed, field) or otherwise)
end

-- What of the model's route names a version, in words; nil when nothing does.
local function namedBy(version)
  if redis.call('HGET', routed, 'default') == version then return 'default' end
  for alias, target in pairs(decoded('aliases', '{}')) do if target == version then return 'alias ' .. alias end end
  for _, each in ipairs(decoded('split', '[]')) do if each.version == version then return 'split' end end
  if decoded('shadow', '{}').version == version then return 'shadow' end
  return nil
end

-- The versions of this model that wait to become its default do so no longer; those registered after <until> go on.
local function unpromote(until_)
  local prefix = name .. ':'
  for _, each in ipairs(redis.call('SMEMBERS', k('registrations'))) do
    if string.sub(each, 1, #prefix) == prefix then
      local other = k('registration:' .. each)
      local created = cjson.decode(redis.call('HGET', other, 'head')).created
      if not until_ or created <= until_ then redis.call('HDEL', other, 'promote') end
    end
  end
end

-- Whether a route may name it: verified, or served from a worker's folder.
local function routable(version)
  local state = redis.call('HGET', k('registration:' .. name .. ':' .. version), 'state')
  if state then return state == 'available', state end
  return redis.call('SISMEMBER', k('models'), name .. ':' .. version) == 1, 'unknown'
end
`;

/**
 * ARGV: digest, head, files, manifest (JSON), desired, '1' to become the default once it is ready.
 * Answers {'new', check}; {'again', check} for one that had failed; {'same', check, state}; {'conflict', digest} when
 * the version is another package; {'alias'} when an alias has its name; {'removing'} while predictions of one that was
 * removed under this name are being ended; {'full'}.
 */
export const REGISTER = new Script(`${PRELUDE}
local digest, head, files, manifest, desired, promote = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local known = redis.call('HGET', key, 'digest')
if known and known ~= digest then return {'conflict', known} end
if known then
  local promoted = promote == '1' and redis.call('HGET', routed, 'default') ~= version
    and redis.call('HSETNX', key, 'promote', 1) == 1
  local state = redis.call('HGET', key, 'state')
  if state ~= 'failed' then
    if promoted then changed() end
    return {'same', redis.call('HGET', key, 'check'), state}
  end
  move('registered')
  redis.call('HDEL', key, 'report')
  local check = redis.call('HINCRBY', key, 'check', 1)
  changed()
  return {'again', check}
end
if redis.call('ZSCORE', k('removed'), member) then return {'removing'} end
if decoded('aliases', '{}')[version] then return {'alias'} end
if redis.call('SCARD', k('registrations')) >= ${MAX_REGISTRATIONS} then return {'full'} end
redis.call('HSET', key, 'digest', digest, 'head', head, 'files', files, 'manifest', manifest, 'desired', desired,
  'limits', '{}', 'check', 0)
if promote == '1' then redis.call('HSET', key, 'promote', 1) end
move('registered')
redis.call('SADD', k('registrations'), member)
changed()
return {'new', 0}
`);

/** ARGV: digest, check. A worker takes the verification; 1, or 0 when it is not, or no longer, asked for. */
export const BEGIN_CHECK = new Script(`${PRELUDE}
local digest, check, state = unpack(redis.call('HMGET', key, 'digest', 'check', 'state'))
if digest ~= ARGV[5] or check ~= ARGV[6] or (state ~= 'registered' and state ~= 'verifying') then return 0 end
if state == 'registered' then
  move('verifying')
  changed()
end
return 1
`);

/**
 * ARGV: digest, check, reason or '' when it passed, report, facts, description (JSON or ''). 1, or 0 for an outcome that
 * nobody waits for.
 */
export const END_CHECK = new Script(`${PRELUDE}
local reason, report, facts, description = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local digest, check, state = unpack(redis.call('HMGET', key, 'digest', 'check', 'state'))
if digest ~= ARGV[5] or check ~= ARGV[6] or state ~= 'verifying' then return 0 end
redis.call('HSET', key, 'report', report)
if reason ~= '' then move('failed', reason)
else
  redis.call('HSET', key, 'facts', facts, 'description', description)
  move('available')
end
changed()
return 1
`);

/** ARGV: loaded | unloaded, '1' to unload what a route names too. {'ok'}, {'unknown'}, {'named', by}. */
export const DESIRE = new Script(`${PRELUDE}
local desired = ARGV[5]
local was = redis.call('HGET', key, 'desired')
if not was then return {'unknown'} end
local by = namedBy(version)
if desired == 'unloaded' and by and ARGV[6] ~= '1' then return {'named', by} end
if was == desired then return {'ok'} end
redis.call('HSET', key, 'desired', desired)
changed()
return {'ok'}
`);

/** ARGV: limits (JSON). {'ok'}, {'unknown'}. */
export const LIMIT = new Script(`${PRELUDE}
if redis.call('EXISTS', key) == 0 then return {'unknown'} end
if redis.call('HGET', key, 'limits') == ARGV[5] then return {'ok'} end
redis.call('HSET', key, 'limits', ARGV[5])
changed()
return {'ok'}
`);

/**
 * ARGV: '1' to remove what a route names too, which then names it no longer. {'ok'}, {'unknown'}, {'named', by}. It is
 * among `removed` until whoever looks after that has ended its predictions.
 */
export const REMOVE = new Script(`${PRELUDE}
if redis.call('EXISTS', key) == 0 then return {'unknown'} end
local by = namedBy(version)
if by and ARGV[5] ~= '1' then return {'named', by} end
if by then
  if redis.call('HGET', routed, 'default') == version then redis.call('HDEL', routed, 'default') end
  local aliases = decoded('aliases', '{}')
  for alias, target in pairs(aliases) do if target == version then aliases[alias] = nil end end
  redis.call('HSET', routed, 'aliases', cjson.encode(aliases))
  for _, each in ipairs(decoded('split', '[]')) do if each.version == version then redis.call('HDEL', routed, 'split') end end
  if decoded('shadow', '{}').version == version then redis.call('HDEL', routed, 'shadow') end
end
redis.call('HSET', k('removed-packages'), member, redis.call('HGET', key, 'digest'))
redis.call('DEL', key)
redis.call('ZADD', k('removed'), now, member)
redis.call('SREM', k('registrations'), member)
redis.call('SREM', k('models'), member)
redis.call('DEL', k('model:' .. member), k('claimed:' .. member))
redis.call('ZREM', k('wanted'), member)
changed()
return {'ok'}
`);

/** Nothing of it is left: its name may be registered again. */
export const REMOVAL_OVER = new Script(`${PRELUDE}
if redis.call('ZREM', k('removed'), member) == 0 then return 0 end
-- A worker may have described it until it heard.
redis.call('SREM', k('models'), member)
redis.call('DEL', k('model:' .. member))
redis.call('HDEL', k('removed-packages'), member)
changed()
return 1
`);

/**
 * ARGV[4] is the version that an alias or the default is to name, or ''. ARGV: what (default | aliases | split | shadow),
 * alias, or '1' for a default that is to be unloaded too, value (JSON; '' takes it away), then the versions that the value
 * names. {'ok'}; {'unavailable', version, state}; {'taken'} when a version has the alias' name; {'full'} when there are too
 * many aliases.
 */
export const ROUTE = new Script(`${PRELUDE}
local what, alias, value = ARGV[5], ARGV[6], ARGV[7]
for i = 8, #ARGV do
  local may, state = routable(ARGV[i])
  if not may then return {'unavailable', ARGV[i], state} end
end
if what == 'default' then
  if value ~= '' and alias ~= '1' and redis.call('HGET', key, 'desired') == 'unloaded' then
    return {'unavailable', version, 'unloaded'}
  end
  unpromote()
end
if what == 'aliases' and value ~= '' and redis.call('EXISTS', k('registration:' .. name .. ':' .. alias)) == 1 then
  return {'taken'}
end
local before = redis.call('HGET', routed, what) or ''
local after = value
if what == 'aliases' then
  local aliases, count = decoded('aliases', '{}'), 0
  if value == '' then aliases[alias] = nil else aliases[alias] = version end
  for _ in pairs(aliases) do count = count + 1 end
  if count > tonumber(value == '' and count or value) then return {'full'} end
  after = cjson.encode(aliases)
end
if after == before then return {'ok'} end
if after == '' then redis.call('HDEL', routed, what) else redis.call('HSET', routed, what, after) end
if redis.call('EXISTS', routed) == 1 then redis.call('SADD', k('routes'), name) else redis.call('SREM', k('routes'), name) end
changed()
return {'ok'}
`);

/**
 * The version becomes the default if it still waits to; versions registered before it do so no longer. {1} or {0}.
 */
export const PROMOTE = new Script(`${PRELUDE}
if not redis.call('HGET', key, 'promote') or redis.call('HGET', key, 'state') ~= 'available' then return {0} end
unpromote(cjson.decode(redis.call('HGET', key, 'head')).created)
redis.call('HSET', routed, 'default', version)
redis.call('SADD', k('routes'), name)
changed()
return {1}
`);
