/** From a request's words to a version, or to a sentence that says why not. */
import { SluiceError } from '#inference';
import { isClosed, isDescribed, type FleetSnapshot, type KnownVersion, type ServedModel } from './fleet-snapshot.js';
import { versionMeant } from './routing.js';

export interface Asked {
  name: string | undefined;
  version: string | undefined;
  /** 0 ≤ chance < 1, for a split. */
  chance: number;
  /** Model of requests that name none. */
  defaultModel: string | undefined;
}

/** A worker that has just vanished or is loading: by then another heartbeat or an expiry has told. */
const NOT_READY_RETRY_SECONDS = 5;
const MAX_SHOWN = 20;

/** The version that is meant, whether or not it can be served. @throws MODEL_NOT_FOUND with what exists, MODEL_NOT_READY */
export function resolve(snapshot: FleetSnapshot, { name, version, chance, defaultModel }: Asked): KnownVersion {
  const model = name ?? defaultModel ?? onlyModel(snapshot);
  const versions = snapshot.models.get(model) ?? [];
  const meant = versionMeant(versions, { version, route: snapshot.routes.get(model), chance });
  if (meant) return meant;
  throw notFound(snapshot, model, version);
}

/** The version that says it all: `<name>:<version>`, a package's checksum, or what only one model has. @throws MODEL_NOT_FOUND */
export function byVersion({ versions, seen }: FleetSnapshot, version: string): KnownVersion {
  const all = [...versions.values()];
  const exact = versions.get(version) ?? all.find(({ description }) => description?.checksum === version);
  const [only, ...others] = all.filter((known) => known.version === version);
  const found = exact ?? (others.length === 0 ? only : undefined);
  if (found) return found;
  const keys = all.filter(isDescribed).map(({ key }) => key);
  throw unknown(seen, `There is no one version ${JSON.stringify(clip(version))}. Versions: ${list(keys)}.`);
}

/** @throws MODEL_NOT_READY when no prediction of it would be answered. */
export function servable(known: KnownVersion): ServedModel {
  if (isDescribed(known) && known.servable) return known;
  throw notReady(whyNot(known));
}

/** What predictions may be kept for, though no worker has it now. @throws MODEL_NOT_READY */
export function keepable(known: KnownVersion): ServedModel {
  if (isDescribed(known) && !isClosed(known)) return known;
  throw notReady(whyNot(known));
}

export function notFound({ models, routes, seen }: FleetSnapshot, name: string, version?: string): SluiceError {
  const versions = models.get(name)?.map((known) => known.version) ?? [];
  if (versions.length === 0 || version === undefined) {
    return unknown(seen, `There is no model "${clip(name)}". Models: ${list([...models.keys()].sort())}.`);
  }
  const aliases = Object.keys(routes.get(name)?.aliases ?? {});
  const others = aliases.length > 0 ? ` Its aliases: ${list(aliases)}.` : '';
  return unknown(seen, `Model "${name}" has no version "${clip(version)}". Its versions: ${list(versions)}.${others}`);
}

function onlyModel({ models, seen }: FleetSnapshot): string {
  // What only Redis remembers is no choice: a package that was taken away must not cost the other its default.
  const held = [...models].filter(([, versions]) => versions.some(isThere)).map(([name]) => name);
  const [only, ...others] = held;
  if (only !== undefined && others.length === 0) return only;
  throw unknown(
    seen,
    models.size === 0
      ? 'No model is served yet. Start a worker with a model package; see docs/packages.md.'
      : `The request names no model and there is no default one. POST to /predict/{model} with one of: ${list([...models.keys()].sort())}.`,
  );
}

function isThere(known: KnownVersion): boolean {
  return isDescribed(known) && (known.holders.length > 0 || known.registration !== undefined);
}

/** Not found is for good, and a gateway that has not looked yet cannot know. */
function unknown(seen: boolean, what: string): SluiceError {
  if (seen) return new SluiceError('MODEL_NOT_FOUND', what);
  const early = 'This gateway has just started and not seen yet what is served. Try again.';
  return new SluiceError('MODEL_NOT_READY', early, { retryAfterSeconds: 1 });
}

function notReady(why: string): SluiceError {
  return new SluiceError('MODEL_NOT_READY', why, { retryAfterSeconds: NOT_READY_RETRY_SECONDS });
}

function whyNot(known: KnownVersion): string {
  const { name, version, registration, holders, description } = known;
  const what = `Model "${name}" version "${version}"`;
  if (isClosed(known)) return `${what} is unloaded and takes no predictions. Load it, or name another version.`;
  if (registration?.state === 'failed') return `${what} failed its verification: ${registration.reason}`;
  if (registration && registration.state !== 'available') {
    return `${what} is not verified yet (${registration.state}). Try again in a few seconds.`;
  }
  return description ? whyDown(what, holders) : whyUnserved(what, holders);
}

function whyDown(what: string, holders: KnownVersion['holders']): string {
  if (holders.length === 0) return `${what} is known, but no worker that serves it is alive. Start a worker.`;
  const states = [...new Set(holders.map(({ state }) => state))].join(', ');
  return `${what} is not ready on any worker (${states}). Try again in a few seconds.`;
}

/** A version that a worker holds and has never served. */
function whyUnserved(what: string, holders: KnownVersion['holders']): string {
  const failed = holders.find(({ state }) => state === 'failed');
  return failed
    ? `${what} was refused by its worker: ${failed.reason}`
    : `${what} is being loaded. Try again in a few seconds.`;
}

function list(names: readonly string[]): string {
  if (names.length === 0) return 'none yet';
  return names.length <= MAX_SHOWN ? names.join(', ') : `${names.slice(0, MAX_SHOWN).join(', ')}, …`;
}

function clip(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}…`;
}
