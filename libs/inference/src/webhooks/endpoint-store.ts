/**
 * Endpoints in Redis: where an owner's deliveries go, and with which secrets they are signed.
 *
 * Invariants: of a change and a rotation that come together both last; at most MAX_SECRETS secrets are kept, and at most
 * MAX_ENDPOINTS endpoints for each owner, besides MAX_GONE that nobody registered and that answered 410. Secrets lie here
 * in the clear, for signing needs them; no answer holds one.
 */
import type { Clock } from '../batching/clock.js';
import { endpointId, endpointUrl, parseEndpoint, type Endpoint, type PayloadKind } from '../contract/delivery.js';
import type { Keys } from '../contract/keys.js';
import type { Redis } from '../queue/connection.js';
import { Script } from '../queue/script.js';

export const MAX_ENDPOINTS = 1_000;
const MAX_SECRETS = 4;

const PRELUDE = `
local stored, index, gone, now = KEYS[1], KEYS[2], KEYS[3], ARGV[1]

-- The current secret first; the others sign as long as the overlap lets them and no longer than they did; those that are
-- no longer valid go, and the oldest beyond the limit.
local function adopt(secret, overlap)
  local kept = {{secret = secret}}
  for _, each in ipairs(cjson.decode(redis.call('HGET', stored, 'secrets') or '[]')) do
    local last = math.min(each['until'] or math.huge, tonumber(now) + overlap)
    if each.secret ~= secret and last > tonumber(now) and #kept < ${MAX_SECRETS} then
      kept[#kept + 1] = {secret = each.secret, ['until'] = last}
    end
  end
  redis.call('HSET', stored, 'secrets', cjson.encode(kept))
end
`;

/**
 * KEYS: endpoint, the owner's index, that of those that nobody registered. ARGV: now, id, owner, url, payload or '', secret
 * or '', secret for a new one. Makes or changes an endpoint; a secret that is given replaces all that there were. Answers 2
 * when `secret for a new one` was taken, because there was none, 1 when not, 0 when the owner has too many already.
 */
const PUT = new Script(`${PRELUDE}
local id, owner, url, payload, secret, fresh = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local known = redis.call('HGET', stored, 'secrets')
if not known and redis.call('ZCARD', index) >= ${MAX_ENDPOINTS} then return 0 end
redis.call('PERSIST', stored)
redis.call('HSETNX', stored, 'created', now)
redis.call('HSET', stored, 'owner', owner, 'url', url, 'updated', now)
if payload ~= '' then redis.call('HSET', stored, 'payload', payload) end
redis.call('ZREM', gone, id)
redis.call('ZADD', index, 'NX', now, id)
if secret ~= '' then adopt(secret, 0)
elseif not known then
  adopt(fresh, 0)
  return 2
end
return 1
`);

/** KEYS: as above. ARGV: now, owner, secret, ms for which the old ones sign too, id. 1, or 0: there is none. */
const ROTATE = new Script(`${PRELUDE}
if redis.call('HGET', stored, 'owner') ~= ARGV[2] then return 0 end
adopt(ARGV[3], tonumber(ARGV[4]))
redis.call('HSET', stored, 'updated', now)
-- Registered by having a secret.
if redis.call('ZREM', gone, ARGV[5]) == 1 then redis.call('ZADD', index, now, ARGV[5]) end
return 1
`);

/** KEYS: as above. ARGV: now, owner, id. After a 410 deliveries go to it again. 1, or 0: there is none. */
const ENABLE = new Script(`${PRELUDE}
if redis.call('HGET', stored, 'owner') ~= ARGV[2] then return 0 end
redis.call('HDEL', stored, 'disabled')
if redis.call('HEXISTS', stored, 'secrets') == 0 then
  redis.call('DEL', stored)
  redis.call('ZREM', gone, ARGV[3])
end
return 1
`);

/** KEYS: as above. ARGV: now, owner, id. 1, or 0: there is none. */
const REMOVE = new Script(`${PRELUDE}
if redis.call('HGET', stored, 'owner') ~= ARGV[2] then return 0 end
redis.call('DEL', stored)
redis.call('ZREM', index, ARGV[3])
redis.call('ZREM', gone, ARGV[3])
return 1
`);

export interface EndpointChange {
  owner: string;
  url: URL;
  payload?: PayloadKind | undefined;
  secret?: string | undefined;
  /** Taken if the endpoint has none and none is given. */
  fresh: string;
}

export class EndpointStore {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  /** 'fresh': the secret made for it was taken, and is shown this once. 'full': the owner has too many. */
  async put({ owner, url, payload, secret, fresh }: EndpointChange): Promise<'fresh' | 'kept' | 'full'> {
    const id = endpointId(owner, url);
    const answer = await this.run(PUT, { id, owner }, [
      id,
      owner,
      endpointUrl(url),
      payload ?? '',
      secret ?? '',
      fresh,
    ]);
    return answer === 0 ? 'full' : answer === 2 ? 'fresh' : 'kept';
  }

  /** False when the owner has no such endpoint; so of the next two. */
  async rotate(of: OwnedEndpoint, secret: string, overlapMs: number): Promise<boolean> {
    return (await this.run(ROTATE, of, [of.owner, secret, Math.round(overlapMs), of.id])) === 1;
  }

  async enable(of: OwnedEndpoint): Promise<boolean> {
    return (await this.run(ENABLE, of, [of.owner, of.id])) === 1;
  }

  async remove(of: OwnedEndpoint): Promise<boolean> {
    return (await this.run(REMOVE, of, [of.owner, of.id])) === 1;
  }

  async read(id: string): Promise<Endpoint | undefined> {
    const hash = await this.redis.hgetall(this.keys.endpoint(id));
    return hash.owner === undefined ? undefined : parseEndpoint(id, hash);
  }

  /** All of an owner, the newest first. */
  async list(owner: string): Promise<Endpoint[]> {
    const indices = [this.keys.endpoints(owner), this.keys.endpointsGone(owner)];
    const ids = await Promise.all(indices.map((index) => this.redis.zrange(index, '0', '-1')));
    const found = await Promise.all(ids.flat().map((id) => this.read(id)));
    return found.filter((endpoint) => endpoint !== undefined).sort((one, other) => other.created - one.created);
  }

  private run(script: Script, { id, owner }: OwnedEndpoint, args: (string | number)[]): Promise<unknown> {
    const keys = [this.keys.endpoint(id), this.keys.endpoints(owner), this.keys.endpointsGone(owner)];
    return script.run(this.redis, { keys, args: [Math.round(this.clock.now()), ...args] });
  }
}

export interface OwnedEndpoint {
  id: string;
  owner: string;
}
