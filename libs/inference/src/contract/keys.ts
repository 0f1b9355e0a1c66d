/**
 * The names of everything in Redis. One prefix for all, in braces, so that a Redis Cluster keeps it in one slot and a
 * pack's payload and job can be ordered on one connection.
 */
export interface Keys {
  prefix: string;
  /** Names and versions may have dots, so that one would be another's: `@` is in neither, and BullMQ takes it. */
  packQueue(name: string, version: string): string;
  payload(pack: string): string;
  result(prediction: string): string;
  reply(gateway: string): string;
  worker(worker: string): string;
  model(name: string, version: string): string;
  durableQueue(lane: 'durable' | 'bulk', name: string, version: string): string;
  prediction(id: string): string;
  /** Sorted set of one owner's predictions by creation. */
  predictions(owner: string): string;
  /** A bulk run, and the sorted set of its chunks by their first row. */
  batch(id: string): string;
  chunks(batch: string): string;
  /** Sorted set of one owner's bulk runs by creation. */
  batches(owner: string): string;
  /** String `<fingerprint> <id>`: an idempotency key or a client's own id, within its owner. */
  claim(owner: string, kind: 'key' | 'alias', digest: string): string;
  /** Stream: predictions whose caller has gone, for every worker. */
  control: string;
  /** Sorted set of worker ids by the Redis time of their last heartbeat, in ms. */
  workers: string;
  /** Set of `<name>:<version>` that the fleet has served. */
  models: string;
  registration(name: string, version: string): string;
  /** Set of `<name>:<version>` that are registered. */
  registrations: string;
  route(name: string): string;
  /** Set of model names that have a route. */
  routes: string;
  /** Sorted set of `<name>:<version>` that were removed and whose predictions may not have ended, by ms. */
  removed: string;
  /** Hash: the digests of those. */
  removedPackages: string;
  /** Counter: goes up with every change of a registration or a route. */
  registryRevision: string;
  /** Sorted set of `<name>:<version>` that requests wait for and no worker holds, by the ms of the last request. */
  wanted: string;
  /** String: the worker that loads a wanted version. */
  claimed(name: string, version: string): string;
  /** Sorted set: jobs and deliveries that a script has decided and BullMQ may not have yet, by ms. */
  outbox: string;
  /** Sorted set: predictions that have not ended, by the ms at which somebody must look at them. */
  due: string;
  /** Hash: bytes of durable predictions, by what takes them. */
  bytes: string;
  /** Sorted set of one owner's dead letters by the ms at which they ended. */
  dead(owner: string): string;
  /** Set of owners that have had dead letters. */
  deadOwners: string;
  /** Lease of the one gateway that looks after all that is kept. */
  upkeep: string;
  delivery(id: string): string;
  /** Sorted set of one owner's deliveries by creation. */
  deliveries(owner: string): string;
  /** Set: the deliveries of one prediction or batch. */
  deliveriesOf(subject: string): string;
  /** Sorted set: deliveries that have not ended, by the ms by which something must have happened to them. */
  pendingDeliveries: string;
  /** Counter: deliveries that wait in the line of an endpoint. */
  parkedDeliveries: string;
  endpoint(id: string): string;
  /** Sorted set of one owner's endpoints by creation. */
  endpoints(owner: string): string;
  /** The same for those that nobody registered and that answered 410. */
  endpointsGone(owner: string): string;
}

export function keysUnder(prefix: string): Keys {
  return {
    prefix,
    packQueue: (name, version) => `packs.${name}@${version}`,
    payload: (pack) => `${prefix}:payload:${pack}`,
    result: (prediction) => `${prefix}:result:${prediction}`,
    reply: (gateway) => `${prefix}:reply:${gateway}`,
    worker: (worker) => `${prefix}:worker:${worker}`,
    model: (name, version) => `${prefix}:model:${name}:${version}`,
    durableQueue: (lane, name, version) => `${lane}.${name}@${version}`,
    prediction: (id) => `${prefix}:prediction:${id}`,
    predictions: (owner) => `${prefix}:predictions:${owner}`,
    batch: (id) => `${prefix}:batch:${id}`,
    chunks: (batch) => `${prefix}:batch:${batch}:chunks`,
    batches: (owner) => `${prefix}:batches:${owner}`,
    claim: (owner, kind, digest) => `${prefix}:claim:${owner}:${kind}:${digest}`,
    control: `${prefix}:control`,
    workers: `${prefix}:workers`,
    models: `${prefix}:models`,
    registration: (name, version) => `${prefix}:registration:${name}:${version}`,
    registrations: `${prefix}:registrations`,
    route: (name) => `${prefix}:route:${name}`,
    routes: `${prefix}:routes`,
    removed: `${prefix}:removed`,
    removedPackages: `${prefix}:removed-packages`,
    registryRevision: `${prefix}:registry-revision`,
    wanted: `${prefix}:wanted`,
    claimed: (name, version) => `${prefix}:claimed:${name}:${version}`,
    outbox: `${prefix}:outbox`,
    due: `${prefix}:due`,
    bytes: `${prefix}:bytes`,
    dead: (owner) => `${prefix}:dead:${owner}`,
    deadOwners: `${prefix}:dead-owners`,
    upkeep: `${prefix}:upkeep`,
    delivery: (id) => `${prefix}:delivery:${id}`,
    deliveries: (owner) => `${prefix}:deliveries:${owner}`,
    deliveriesOf: (subject) => `${prefix}:deliveries-of:${subject}`,
    pendingDeliveries: `${prefix}:pending-deliveries`,
    parkedDeliveries: `${prefix}:parked-deliveries`,
    endpoint: (id) => `${prefix}:endpoint:${id}`,
    endpoints: (owner) => `${prefix}:endpoints:${owner}`,
    endpointsGone: (owner) => `${prefix}:endpoints-gone:${owner}`,
  };
}
