/**
 * What has ended and is kept: inputs, outputs, records; a part of the common beginning of all scripts (lua.ts).
 *
 * Invariants:
 * - `bytes.inputs` and `bytes.outputs` are the sums of the members of `held:inputs` and `held:outputs`, `<bytes> <id>` by
 *   the time of their removal, and of HELD_COST for each;
 * - `bytes.records` and `bytes.untold` are the sums of the members of `ended` and `untold`, `<bytes> <id> <owner>` by the
 *   time of their removal. A record or batch is in one of them from its end on; a batch from its beginning until it is
 *   sealed, and again from its end;
 * - `untold` are those that were to be dropped for want of room and may not be yet (room-lua.ts);
 * - a member says all that its removal needs, for the record itself may have gone by its TTL.
 */

/** The key of an input or output, its place in the sorted set, and what rounding its size up costs. */
export const HELD_COST = 320;
/** A batch with its place in the index; its chunks carry their own places. */
const BATCH_COST = 2_048;
/** The hash of a record with its log and metrics, and its places in the sorted sets. */
const ENDED_COST = 1_664;
/** The record and the log of one delivery, beside its URL. */
const DELIVERY_COST = 1_408;

export const KEPT_LUA = `
local function int(n) return string.format('%d', n) end
local function grow(what, bytes) redis.call('HINCRBY', k('bytes'), what, int(bytes)) end
local function memberOf(bytes, name, owner) return int(bytes) .. ' ' .. name .. ' ' .. owner end

-- Bytes, name and owner of a member of ended or untold.
local function partsOf(member)
  local bytes, name, owner = string.match(member, '^(%d+) (%S+) (.*)$')
  return tonumber(bytes), name, owner
end

-- Out of what is kept.
local function leave(member)
  if redis.call('ZREM', k('ended'), member) == 1 then grow('records', 0 - partsOf(member))
  elseif redis.call('ZREM', k('untold'), member) == 1 then grow('untold', 0 - partsOf(member)) end
end

local function keepUntil(at, member)
  if redis.call('ZREM', k('untold'), member) == 1 then grow('untold', 0 - partsOf(member)) end
  if redis.call('ZADD', k('ended'), int(at), member) == 1 then grow('records', (partsOf(member))) end
end

-- What a record costs once it has ended: with its claims, which say more than twice what its field of them says, and with
-- a delivery of each event.
local function costOf(rec)
  local deliveries = rec.webhook and #(rec.events or {'completed'}) * (${DELIVERY_COST} + 2 * #rec.webhook) or 0
  return ${ENDED_COST} + rec.size + 3 * redis.call('HSTRLEN', key, 'claims') + deliveries
end

local BATCH_COST = ${BATCH_COST}
local function batchMember(name, owner) return memberOf(BATCH_COST, name, owner) end

-- Of the bytes of an input or output, and of a member of held:inputs or held:outputs.
local function heldCost(bytes) return tonumber(string.match(bytes, '^%d+')) + ${HELD_COST} end

local function hold(what, rec, bytes)
  if bytes == 0 then return end
  grow(what, heldCost(bytes))
  redis.call('ZADD', k('held:' .. what), now + rec.keepData, int(bytes) .. ' ' .. id)
end

local function release(what, bytes)
  if redis.call('ZREM', k('held:' .. what), int(bytes) .. ' ' .. id) == 1 then grow(what, -heldCost(bytes)) end
end
`;
