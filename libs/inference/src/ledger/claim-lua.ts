/**
 * What an idempotency key or a client's own id stands for; a part of the common beginning of all scripts (lua.ts).
 *
 * Invariants: a claim is `<fingerprint> <id>` of a prediction or of a batch, whichever used the key first; one on what has
 * been forgotten claims nothing; a client's own id is good for as long as its record.
 */
export const CLAIM_LUA = `
-- What somebody with this fingerprint is told: {'same', id} or {'conflict'}; nil where the claim is free.
local function claimedBy(claim, fingerprint)
  local held = redis.call('GET', claim)
  if not held then return nil end
  local theirs, other = string.match(held, '^(%S+) (%S+)$')
  if redis.call('EXISTS', k('prediction:' .. other), batchOf(other)) == 0 then return nil end
  if theirs ~= fingerprint then return {'conflict'} end
  return {'same', other}
end

-- The claims in a record's field that are still its own: they may have become another's meanwhile.
local function claimsOf(record, name)
  local own = {}
  for claim in string.gmatch(redis.call('HGET', record, 'claims') or '', '[^\\n]+') do
    if string.sub(redis.call('GET', claim) or '', -#name - 1) == ' ' .. name then own[#own + 1] = claim end
  end
  return own
end

-- The client's own id of a record lives as long as a record that ends at its deadline.
local function renewAlias(record, name, ttl)
  for _, claim in ipairs(claimsOf(record, name)) do
    if string.find(claim, ':alias:', 1, true) and redis.call('PTTL', claim) < ttl then
      redis.call('PEXPIRE', claim, int(ttl))
    end
  end
end
`;
