/**
 * One model version as this worker knows it: which package it is, what is wanted of it, where it stands, what it takes.
 *
 * Invariants: a version is one package for as long as it is known; `state` and `reason` change in `move` alone.
 */
import { asLimited, modelKey, type ListedRegistration, type ModelDescription, type ServedVersion } from '#inference';
import type { Target } from '../predictions/intake.js';
import type { Consumers } from './consumers.js';
import { MemoryUse } from './memory/memory-use.js';
import type { PackageFolder } from './packages/package-folders.js';

export type State = ServedVersion['state'];

export class Version {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  /** Of a registered version; one of the worker's own folder has none. */
  readonly digest: string | undefined;
  /** Where its package lies, once that is known. */
  directory: string | undefined;
  registration: ListedRegistration | undefined;
  state: State = 'loadable';
  reason: string | undefined;
  /** Executors are to hold it. */
  isHeld = false;
  /** It is on its way out for another, and back when it is wanted. */
  makesRoom = false;
  /** There once it has been loaded, and from then on. */
  target: Target | undefined;
  consumers: Consumers | undefined;
  readonly memory = new MemoryUse();
  /** Milliseconds of performance.now(): since when it is ready, and when it last had a job. */
  readyAt = 0;
  usedAt = 0;
  /** How long its last load took. */
  loadMs = 0;
  /** As its file says it, without limits. */
  private loaded: ModelDescription | undefined;

  private constructor(from: { name: string; version: string; digest?: string; directory?: string }) {
    this.key = modelKey(from.name, from.version);
    this.name = from.name;
    this.version = from.version;
    this.digest = from.digest;
    this.directory = from.directory;
  }

  static inFolder({ name, version, directory }: PackageFolder): Version {
    return new Version({ name, version, directory });
  }

  static registered(registration: ListedRegistration): Version {
    const { name, version, digest, bytes } = registration.head;
    const made = new Version({ name, version, digest });
    made.follow(registration);
    made.memory.files = bytes;
    return made;
  }

  /** Its registration as it is now; undefined when there is none any more. */
  follow(registration: ListedRegistration | undefined): void {
    this.registration = registration;
    this.memory.verified = registration?.facts?.memoryBytes ?? 0;
  }

  /** Whether this worker is to serve it, room allowing. */
  get isDesired(): boolean {
    if (this.digest === undefined) return true;
    const { registration } = this;
    return registration?.state === 'available' && registration.desired === 'loaded';
  }

  /** It was registered, and is no longer. */
  get isGone(): boolean {
    return this.digest !== undefined && !this.registration;
  }

  /** It lies in the worker's own folder, and what it is is not known before it is loaded once. */
  get isNew(): boolean {
    return this.digest === undefined && !this.target && this.state !== 'failed';
  }

  /** Whether predictions that were accepted for it may still come. */
  get mayHaveJobs(): boolean {
    return this.digest === undefined || this.registration?.state === 'available';
  }

  /** Nothing of it waits here or runs. */
  get isIdle(): boolean {
    const { target, consumers } = this;
    if (consumers && consumers.inHand > 0) return false;
    return !target || [target.batcher, target.bulk].every(({ depth, runs }) => depth === 0 && runs === 0);
  }

  /** What it is served as. Undefined before it was loaded. */
  get description(): ModelDescription | undefined {
    const { loaded, registration, digest } = this;
    if (!loaded) return undefined;
    const own = digest === undefined ? loaded : { ...loaded, checksum: digest };
    return registration ? asLimited(own, registration) : own;
  }

  describe(loaded: ModelDescription): void {
    this.loaded = loaded;
  }

  move(state: State, reason?: string): void {
    this.state = state;
    this.makesRoom = false;
    this.reason = reason;
    if (state === 'ready') this.readyAt = performance.now();
  }

  /** `copies`: how many executors hold it or are to. */
  served(copies: number): ServedVersion {
    const { name, version, reason, target, memory } = this;
    return {
      name,
      version,
      state: this.shown,
      ...(reason === undefined ? {} : { reason }),
      ...target?.batcher.latency.line(),
      ...(memory.files > 0 ? { bytes: copies * memory.bytes } : {}),
      depth: (target?.batcher.depth ?? 0) + (target?.bulk.depth ?? 0),
    };
  }

  /**
   * What gateways are to know. Of what lies in a worker's own folder they know only once it was loaded that it can be:
   * until then it starts, and from then on it can be asked for.
   */
  private get shown(): State {
    if (this.isNew) return 'starting';
    if (this.makesRoom || (this.digest === undefined && this.state === 'starting')) return 'loadable';
    return this.state;
  }
}
