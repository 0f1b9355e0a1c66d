/**
 * The names of everything in Redis. One prefix for all, in braces, so that a Redis Cluster keeps it in one slot and a
 * pack's payload and job can be ordered on one connection.
 */
export interface Keys {
  prefix: string;
  packQueue(name: string, version: string): string;
  payload(pack: string): string;
  result(prediction: string): string;
  reply(gateway: string): string;
  worker(worker: string): string;
  model(name: string, version: string): string;
  /** Stream: predictions whose caller has gone, for every worker. */
  control: string;
  /** Sorted set of worker ids by the Redis time of their last heartbeat, in ms. */
  workers: string;
  /** Set of `<name>:<version>` that the fleet has served. */
  models: string;
}

export function keysUnder(prefix: string): Keys {
  return {
    prefix,
    packQueue: (name, version) => `packs.${name}.${version}`,
    payload: (pack) => `${prefix}:payload:${pack}`,
    result: (prediction) => `${prefix}:result:${prediction}`,
    reply: (gateway) => `${prefix}:reply:${gateway}`,
    worker: (worker) => `${prefix}:worker:${worker}`,
    model: (name, version) => `${prefix}:model:${name}:${version}`,
    control: `${prefix}:control`,
    workers: `${prefix}:workers`,
    models: `${prefix}:models`,
  };
}
