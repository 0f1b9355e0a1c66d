/**
 * One look at registry and fleet, arranged by model version: what there is, what is served and by how much, and what is
 * not, and why.
 *
 * Invariant: a version whose removal is not over is not in it, though workers may still hold it.
 */
import {
  asLimited,
  modelKey,
  type FleetView,
  type Heartbeat,
  type ListedRegistration,
  type ModelDescription,
  type RegistryView,
  type Route,
  type ServedVersion,
} from '#inference';
import type { Choice } from './routing.js';

/** A version on one worker. */
export interface Holder extends Omit<ServedVersion, 'name' | 'version'> {
  worker: string;
  device: string;
  /** Run slots of the worker, if the version is ready there. */
  slots: number;
}

export interface KnownVersion extends Choice {
  key: string;
  name: string;
  /** Undefined for what workers serve from folders of their own. */
  registration?: ListedRegistration | undefined;
  /** Undefined until it was verified, or served. */
  description?: ModelDescription | undefined;
  holders: Holder[];
  /** Run slots of all workers on which the version is ready. */
  slots: number;
  alpha?: number;
  beta?: number;
}

export type ServedModel = KnownVersion & { description: ModelDescription };

export interface FleetSnapshot {
  /** False until there was a look at all. */
  seen: boolean;
  versions: Map<string, KnownVersion>;
  /** The versions of each model, the newest first. */
  models: Map<string, KnownVersion[]>;
  routes: ReadonlyMap<string, Route>;
  /** Keys of versions whose removal is not over. */
  removed: ReadonlySet<string>;
}

const NATURAL = new Intl.Collator('en', { numeric: true });

export const NOTHING_SEEN: FleetSnapshot = {
  seen: false,
  versions: new Map(),
  models: new Map(),
  routes: new Map(),
  removed: new Set(),
};

export function snapshotOf(fleet: FleetView, registry: RegistryView): FleetSnapshot {
  const holders = holdersOf(fleet.workers);
  const registrations = new Map(
    registry.registrations.map((each) => [modelKey(each.head.name, each.head.version), each]),
  );
  const described = new Map(fleet.models.map((each) => [modelKey(each.name, each.version), each]));
  const versions = new Map<string, KnownVersion>();
  for (const key of new Set([...registrations.keys(), ...described.keys(), ...holders.keys()])) {
    if (registry.removed.has(key)) continue;
    const registration = registrations.get(key);
    versions.set(key, known(key, { registration, description: described.get(key), held: holders.get(key) ?? [] }));
  }
  const { routes, removed } = registry;
  return { seen: true, versions, models: byModel(versions.values()), routes, removed };
}

export function isDescribed(version: KnownVersion | undefined): version is ServedModel {
  return version?.description !== undefined;
}

/** It was told to be unloaded, and takes nothing new. */
export function isClosed({ registration }: KnownVersion): boolean {
  return registration?.desired === 'unloaded';
}

/** By natural order: `10` is newer than `9`. */
export function newestFirst(a: string, b: string): number {
  return NATURAL.compare(b, a);
}

function holdersOf(workers: readonly Heartbeat[]): Map<string, Holder[]> {
  const holders = new Map<string, Holder[]>();
  for (const { worker, device, slots, versions } of workers) {
    for (const { name, version, ...held } of versions) {
      const key = modelKey(name, version);
      const holder = { worker, device, ...held, slots: held.state === 'ready' ? slots : 0 };
      const others = holders.get(key);
      if (others) others.push(holder);
      else holders.set(key, [holder]);
    }
  }
  return holders;
}

function known(
  key: string,
  { registration, description, held }: Pick<KnownVersion, 'registration' | 'description'> & { held: Holder[] },
): KnownVersion {
  const at = key.indexOf(':');
  const alphas = held.flatMap(({ alpha }) => alpha ?? []);
  const betas = held.flatMap(({ beta }) => beta ?? []);
  const verified = registration?.description;
  const served = verified ? asLimited(verified, registration) : description;
  const slots = held.reduce((sum, { slots: each }) => sum + each, 0);
  // What a worker has in its own folder is loaded as it starts: until then it is not known whether it can be.
  const comes = held.some(({ state }) => state === 'loadable' || (state === 'starting' && verified !== undefined));
  const servable = served !== undefined && registration?.desired !== 'unloaded' && (slots > 0 || comes);
  return {
    key,
    name: key.slice(0, at),
    version: key.slice(at + 1),
    also: served ? [key, served.checksum] : [key],
    ready: servable && slots > 0,
    servable,
    registration,
    description: served,
    holders: held,
    slots,
    ...(alphas.length > 0 ? { alpha: mean(alphas), beta: mean(betas) } : {}),
  };
}

function byModel(versions: Iterable<KnownVersion>): Map<string, KnownVersion[]> {
  const models = new Map<string, KnownVersion[]>();
  for (const version of versions) {
    const others = models.get(version.name);
    if (others) others.push(version);
    else models.set(version.name, [version]);
  }
  for (const same of models.values()) same.sort((a, b) => newestFirst(a.version, b.version));
  return models;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
