/**
 * The registry: which versions there are, what is wanted of them, and which one a name means. Everything that changes it
 * is one script (registry-scripts.ts).
 *
 * Invariant: a change has been written when its promise resolves, and every worker has been told of it.
 */
import type { Clock } from '../batching/clock.js';
import { CONTROL_STREAM_LENGTH } from '../contract/control.js';
import type { Keys } from '../contract/keys.js';
import type { ModelDescription } from '../contract/model-description.js';
import type {
  Desire,
  PackageFile,
  RegistrationHead,
  RegistrationState,
  VerifiedFacts,
  VersionLimits,
} from '../contract/registration.js';
import { MAX_ALIASES, type Shadow, type Split } from '../contract/routing.js';
import type { VerificationReport } from '../contract/verification.js';
import type { Redis } from '../queue/connection.js';
import type { Script, ScriptArgument } from '../queue/script.js';
import {
  BEGIN_CHECK,
  DESIRE,
  END_CHECK,
  LIMIT,
  PROMOTE,
  REGISTER,
  REMOVAL_OVER,
  REMOVE,
  ROUTE,
} from './registry-scripts.js';

/** A wanted version that nobody has claimed for this long is wanted no more: its requests have ended. */
export const WANTED_MS = 60_000;

export interface VersionName {
  name: string;
  version: string;
}

export interface NewRegistration {
  head: Omit<RegistrationHead, 'created' | 'v'>;
  files: readonly PackageFile[];
  /** model.json, complete. */
  manifest: object;
  desired: Desire;
  /** Becomes the default once it is ready. */
  promote: boolean;
}

export type Registered =
  | { kind: 'new' | 'again'; check: number }
  | { kind: 'same'; check: number; state: RegistrationState }
  | { kind: 'conflict'; digest: string }
  | { kind: 'alias' | 'removing' | 'full' };

/** Since when, in ms by Redis' clock; its digest is undefined where another build removed it. */
export interface Removed extends VersionName {
  since: number;
  digest: string | undefined;
}

/** `named`: by which part of the model's route. */
export type Changed = { kind: 'ok' | 'unknown' } | { kind: 'named'; by: string };

export type Routed = { kind: 'ok' | 'full' | 'taken' } | { kind: 'unavailable'; version: string; state: string };

export interface Checked {
  report: VerificationReport;
  /** Of one that passed. */
  passed?: { facts: VerifiedFacts; description: ModelDescription };
  /** Of one that failed: the sentence for whoever registered it. */
  reason?: string;
}

/** The digest too, for another package may have had the name before. */
export interface CheckRef extends VersionName {
  digest: string;
  check: number;
}

export class Registry {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  async register({ head, files, manifest, desired, promote }: NewRegistration): Promise<Registered> {
    const whole: RegistrationHead = { v: 1, ...head, created: this.now() };
    const answer = await this.run(REGISTER, head, [
      head.digest,
      JSON.stringify(whole),
      JSON.stringify(files),
      JSON.stringify(manifest),
      desired,
      promote ? '1' : '',
    ]);
    const [kind, second, state] = answer as [string, string | number, string?];
    if (kind === 'conflict') return { kind, digest: String(second) };
    if (kind === 'full' || kind === 'alias' || kind === 'removing') return { kind };
    if (kind === 'same') return { kind, check: Number(second), state: state as RegistrationState };
    return { kind: kind === 'again' ? 'again' : 'new', check: Number(second) };
  }

  /** False when the verification is not, or no longer, asked for. */
  async beginCheck(ref: CheckRef): Promise<boolean> {
    return (await this.run(BEGIN_CHECK, ref, [ref.digest, ref.check])) === 1;
  }

  /** False for an outcome that nobody waits for any more. */
  async endCheck(ref: CheckRef, { report, passed, reason = '' }: Checked): Promise<boolean> {
    const facts = passed ? JSON.stringify(passed.facts) : '';
    const description = passed ? JSON.stringify(passed.description) : '';
    const why = passed ? '' : reason || 'The verification failed.';
    const outcome = [why, JSON.stringify(report), facts, description];
    return (await this.run(END_CHECK, ref, [ref.digest, ref.check, ...outcome])) === 1;
  }

  async desire(of: VersionName, desired: Desire, force = false): Promise<Changed> {
    return changed(await this.run(DESIRE, of, [desired, force ? '1' : '']));
  }

  async limit(of: VersionName, limits: VersionLimits): Promise<Changed> {
    return changed(await this.run(LIMIT, of, [JSON.stringify(limits)]));
  }

  async remove(of: VersionName, force = false): Promise<Changed> {
    return changed(await this.run(REMOVE, of, [force ? '1' : '']));
  }

  /** What was registered to become the default does so; false when it is not, or no longer, to. */
  async promote(of: VersionName): Promise<boolean> {
    return ((await this.run(PROMOTE, of, [])) as [number])[0] === 1;
  }

  /** Versions whose removal is not over, the oldest first. */
  async removed(): Promise<Removed[]> {
    const members = await this.redis.zrange(this.keys.removed, '0', '-1', 'WITHSCORES');
    if (members.length === 0) return [];
    const digests = await this.redis.hgetall(this.keys.removedPackages);
    return members.flatMap((member, i) =>
      i % 2 === 0 ? [{ ...nameOf(member), since: Number(members[i + 1]), digest: digests[member] }] : [],
    );
  }

  /** Nothing of it is left, and no worker holds it: the version may be registered again. */
  async removalOver(of: VersionName): Promise<void> {
    await this.run(REMOVAL_OVER, of, []);
  }

  /** Undefined takes the default away: the newest that is ready answers again. By force one may be unloaded, too. */
  setDefault(name: string, version: string | undefined, force = false): Promise<Routed> {
    const change = ['default', force ? '1' : '', version ?? ''];
    return this.route({ name, version: version ?? '' }, change, version ? [version] : []);
  }

  setAlias(name: string, alias: string, version: string | undefined): Promise<Routed> {
    const value = version === undefined ? '' : MAX_ALIASES;
    return this.route({ name, version: version ?? '' }, ['aliases', alias, value], version ? [version] : []);
  }

  setSplit(name: string, split: Split | undefined): Promise<Routed> {
    const versions = split?.map(({ version }) => version) ?? [];
    return this.route({ name, version: '' }, ['split', '', split ? JSON.stringify(split) : ''], versions);
  }

  setShadow(name: string, shadow: Shadow | undefined): Promise<Routed> {
    const value = shadow ? JSON.stringify(shadow) : '';
    return this.route({ name, version: '' }, ['shadow', '', value], shadow ? [shadow.version] : []);
  }

  /** Requests wait for these versions, and no worker holds them. */
  async want(versions: readonly string[]): Promise<void> {
    if (versions.length === 0) return;
    const now = this.now();
    const message = JSON.stringify({ v: 1, wanted: versions });
    await this.redis
      .pipeline()
      .zadd(this.keys.wanted, ...versions.flatMap((version) => [now, version]))
      .zremrangebyscore(this.keys.wanted, '-inf', now - WANTED_MS)
      .xadd(this.keys.control, 'MAXLEN', '~', CONTROL_STREAM_LENGTH, '*', 'm', message)
      .exec();
  }

  /** `<name>:<version>` that requests have waited for lately, the longest wait first. */
  async wanted(): Promise<string[]> {
    return this.redis.zrangebyscore(this.keys.wanted, this.now() - WANTED_MS, '+inf');
  }

  /** One worker at a time loads a wanted version; false when another one does. For who has it, it is renewed. */
  async claim({ name, version }: VersionName, worker: string, ttlMs: number): Promise<boolean> {
    const key = this.keys.claimed(name, version);
    if ((await this.redis.set(key, worker, 'PX', ttlMs, 'NX')) === 'OK') return true;
    if ((await this.redis.get(key)) !== worker) return false;
    return (await this.redis.pexpire(key, ttlMs)) === 1;
  }

  /** It is held now, or cannot be: whoever waits looks again. */
  async settled({ name, version }: VersionName): Promise<void> {
    await this.redis
      .pipeline()
      .zrem(this.keys.wanted, `${name}:${version}`)
      .del(this.keys.claimed(name, version))
      .exec();
  }

  private async route(of: VersionName, change: ScriptArgument[], names: readonly string[]): Promise<Routed> {
    const [kind, version, state] = (await this.run(ROUTE, of, [...change, ...names])) as [string, string?, string?];
    if (kind === 'unavailable') return { kind, version: version!, state: state! };
    return { kind: kind === 'full' || kind === 'taken' ? kind : 'ok' };
  }

  private now(): number {
    return Math.round(this.clock.now());
  }

  private run(script: Script, { name, version }: VersionName, args: readonly ScriptArgument[]): Promise<unknown> {
    return script.run(this.redis, { keys: [], args: [this.keys.prefix, this.now(), name, version, ...args] });
  }
}

/** Of `<name>:<version>`. */
export function nameOf(member: string): VersionName {
  const at = member.indexOf(':');
  return { name: member.slice(0, at), version: member.slice(at + 1) };
}

function changed(answer: unknown): Changed {
  const [kind, by] = answer as [string, string?];
  if (kind === 'named') return { kind, by: by! };
  return { kind: kind === 'unknown' ? 'unknown' : 'ok' };
}
