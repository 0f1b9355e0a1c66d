/**
 * The walk over all predictions of one model version that have not ended.
 *
 * Invariant: what has not ended is in `due`, and what stays in it during a walk is met; of what comes or goes meanwhile
 * nothing is promised.
 */
import { z } from 'zod';
import type { Clock } from '../batching/clock.js';
import type { Keys } from '../contract/keys.js';
import { LANES } from '../contract/prediction-record.js';
import type { Redis } from '../queue/connection.js';
import { Script } from '../queue/script.js';
import { PRELUDE } from './lua.js';

/** Looked at in one step: each costs Redis a read and a parse. */
const PER_STEP = 256;

/** ARGV: …, '', model, version, cursor, how many to look at. {next cursor, id, generation, lane, …}; '0' ends the walk. */
const STEP = new Script(`${PRELUDE}
local scan = redis.call('ZSCAN', k('due'), ARGV[6], 'COUNT', ARGV[7])
local answer = {scan[1]}
for i = 1, #scan[2], 2 do
  id, key = scan[2][i], k('prediction:' .. scan[2][i])
  local rec = load()
  if rec and live(rec) and rec.model == ARGV[4] and rec.version == ARGV[5] then
    for _, each in ipairs({id, rec.generation, rec.lane}) do answer[#answer + 1] = each end
  end
end
return answer
`);

const found = z.array(z.tuple([z.string(), z.coerce.number(), z.enum(LANES)]));

export interface LivePrediction {
  id: string;
  generation: number;
  lane: (typeof LANES)[number];
}

export class VersionPredictions {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  /** In portions; one may come twice. */
  async *live({ name, version }: { name: string; version: string }): AsyncGenerator<LivePrediction[]> {
    let cursor = '0';
    do {
      const now = Math.floor(this.clock.now());
      const args = [this.keys.prefix, now, '', name, version, cursor, PER_STEP];
      const [next, ...flat] = (await STEP.run(this.redis, { keys: [this.keys.due], args })) as [string, ...string[]];
      cursor = next;
      if (flat.length > 0) yield portion(flat);
    } while (cursor !== '0');
  }
}

function portion(flat: readonly string[]): LivePrediction[] {
  const triples = Array.from({ length: flat.length / 3 }, (_, i) => flat.slice(3 * i, 3 * i + 3));
  return found.parse(triples).map(([id, generation, lane]) => ({ id, generation, lane }));
}
