/** Models and versions as they are answered. */
import type { RegistrationDetails, Route } from '#inference';
import type { Holder, KnownVersion } from './catalog/fleet-snapshot.js';
import type { LastError } from './catalog/last-errors.js';
import { versionState } from './catalog/version-state.js';

/** What a version is from, when workers have it in folders of their own. */
const FROM_WORKER = 'worker';

export function modelObject(name: string, versions: readonly KnownVersion[], route: Route | undefined): object {
  return {
    name,
    default: route?.default ?? null,
    aliases: route?.aliases ?? {},
    split: route?.split ?? null,
    shadow: route?.shadow ?? null,
    versions: versions.map(versionSummary),
  };
}

export function versionSummary(known: KnownVersion): object {
  const { name, version, registration, description, holders, slots } = known;
  const head = registration?.head;
  return {
    name,
    version,
    ...versionState(registration, holders),
    servable: known.servable,
    source: head?.source ?? FROM_WORKER,
    ...(registration ? { desired: registration.desired } : {}),
    ...(head ? { digest: head.digest, bytes: head.bytes, by: head.by, created_at: iso(head.created) } : {}),
    ...(description ? { task: description.task } : {}),
    workers_ready: holders.filter(({ state }) => state === 'ready').length,
    slots,
  };
}

export interface VersionParts {
  known: KnownVersion;
  route: Route | undefined;
  /** Of one that is registered. */
  details: RegistrationDetails | undefined;
  errors: readonly LastError[];
}

export function versionObject({ known, route, details, errors }: VersionParts): object {
  const { registration, description, holders, alpha, beta } = known;
  return {
    ...versionSummary(known),
    named_by: namesOf(known.version, route),
    ...(description ? { description: servedAs(description) } : {}),
    ...(registration ? { batching: registration.limits, facts: registration.facts ?? null } : {}),
    alpha_ms: alpha ?? null,
    beta_ms: beta ?? null,
    workers: holders.map(onWorker),
    errors: errors.map(({ code, count, last }) => ({ code, count, last_at: iso(last) })),
    ...(details ? { manifest: details.manifest, files: details.files, report: details.report ?? null } : {}),
  };
}

/** Without what the answer says of it elsewhere. */
function servedAs(description: NonNullable<KnownVersion['description']>): object {
  const elsewhere = new Set(['v', 'name', 'version', 'checksum']);
  return Object.fromEntries(Object.entries(description).filter(([member]) => !elsewhere.has(member)));
}

function onWorker({ alpha, beta, bytes, ...holder }: Holder): object {
  return { ...holder, bytes: bytes ?? null, alpha_ms: alpha ?? null, beta_ms: beta ?? null };
}

/** In words, as refusals say it. */
function namesOf(version: string, route: Route | undefined): string[] {
  if (!route) return [];
  const aliases = Object.entries(route.aliases).flatMap(([alias, target]) =>
    target === version ? [`alias ${alias}`] : [],
  );
  return [
    ...(route.default === version ? ['default'] : []),
    ...aliases,
    ...(route.split?.some((share) => share.version === version) ? ['split'] : []),
    ...(route.shadow?.version === version ? ['shadow'] : []),
  ];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
