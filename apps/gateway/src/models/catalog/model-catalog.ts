/**
 * What there is and what the fleet serves, as this gateway last saw it: model versions, routes, run slots, latencies.
 *
 * Invariants: the view is at most REFRESH_MS old while Redis answers; a gateway that cannot read it says so
 * (`fresh`) instead of trusting an old one.
 */
import {
  FleetReader,
  HEARTBEAT_TTL_MS,
  modelKey,
  packageMark,
  packsWorthSending,
  RegistryReader,
  SluiceError,
  type InHand,
  type ModelDescription,
  type Route,
} from '#inference';
import type { GatewayContext } from '../../context.js';
import {
  isDescribed,
  NOTHING_SEEN,
  snapshotOf,
  type FleetSnapshot,
  type KnownVersion,
  type ServedModel,
} from './fleet-snapshot.js';
import { byVersion, keepable, notFound, resolve, servable } from './resolution.js';
import { Wanted } from './wanted.js';

/** With the reading itself, other gateways act on a change within half a second. */
const REFRESH_MS = 400;
/** A connection that was cut is back long before the next regular look. */
const RETRY_MS = 50;
const NOTHING: InHand = { waiting: 0, out: 0 };
const STALE_MS = HEARTBEAT_TTL_MS + REFRESH_MS;

/** `mark`: of the package, where it is known. */
export interface AcceptedFor {
  name: string;
  version: string;
  mark?: string | undefined;
}

export function acceptedFor({ name, version, checksum }: ModelDescription): AcceptedFor {
  return { name, version, mark: packageMark(checksum) };
}

export class ModelCatalog {
  readonly registry: RegistryReader;
  private readonly fleet: FleetReader;
  private readonly wanted: Wanted;
  private snapshot = NOTHING_SEEN;
  private readAt = 0;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  private current: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;
  private readonly listeners = new Set<() => void>();

  /** @param chance decides splits; a number as of Math.random. */
  constructor(
    private readonly context: GatewayContext,
    private readonly chance: () => number = Math.random,
  ) {
    this.registry = new RegistryReader(context.redis, context.keys);
    this.fleet = new FleetReader(context.redis, context.keys, context.clock);
    this.wanted = new Wanted(context.registry);
  }

  start(): void {
    void this.look();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.readAt = 0;
  }

  /** Called after each look. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Resolves after a look that began after this call: what was changed before is in the view, if Redis answered. */
  look(): Promise<void> {
    this.next ??= this.current.then(() => {
      this.next = undefined;
      this.current = this.refresh();
      return this.current;
    });
    return this.next;
  }

  /** Whether Redis is there and has answered lately: what is older than a heartbeat lives may be wrong altogether. */
  get fresh(): boolean {
    return !this.context.redisAway && Date.now() - this.readAt < STALE_MS;
  }

  /** Packs of a version that may be out at the same time with so much in hand. */
  credits(key: string, inHand: InHand): number {
    const known = this.snapshot.versions.get(key);
    return packsWorthSending(slotsOf(known), inHand, known?.alpha === undefined ? undefined : { alpha: known.alpha });
  }

  /** The same where work is not to be held together: as if nothing were known of what it costs. */
  allCredits(key: string): number {
    return packsWorthSending(slotsOf(this.snapshot.versions.get(key)), NOTHING, undefined);
  }

  find(key: string): ServedModel | undefined {
    const known = this.snapshot.versions.get(key);
    return isDescribed(known) ? known : undefined;
  }

  /** All that can be served, or could if a worker had it. */
  all(): ServedModel[] {
    return [...this.snapshot.versions.values()].filter(isDescribed);
  }

  /** All versions, those that are not verified or were refused too. */
  get view(): Readonly<FleetSnapshot> {
    return this.snapshot;
  }

  route(name: string): Route | undefined {
    return this.snapshot.routes.get(name);
  }

  /** The version that a request means. One that no worker holds but could is asked for. @throws MODEL_NOT_FOUND with what exists, MODEL_NOT_READY. */
  resolve(name: string | undefined, version: string | undefined): ServedModel {
    return this.wantedIfAway(servable(this.meant(name, version)));
  }

  /**
   * The version that a prediction is kept for, whether or not a worker has it ready now. Without a name `version` is one
   * that says it all: `<name>:<version>`, a package's checksum, or what only one model has. `chance` decides a split in
   * place of a new number: what is sent again with the same key means the same. @throws MODEL_NOT_FOUND, MODEL_NOT_READY
   */
  resolveKept(name: string | undefined, version: string | undefined, chance?: number): ServedModel {
    const isWhole = name === undefined && version !== undefined;
    const known = isWhole ? byVersion(this.snapshot, version) : this.meant(name, version, chance);
    return this.wantedIfAway(keepable(known));
  }

  /**
   * For a request whose body took its time, and what is tried again. @throws MODEL_NOT_FOUND when the version has been
   * removed meanwhile, VERSION_REMOVED when its name is another package's.
   */
  confirm({ name, version, mark }: AcceptedFor): void {
    const known = this.snapshot.versions.get(modelKey(name, version));
    if (!known) throw notFound(this.snapshot, name, version);
    const digest = known.registration?.head.digest;
    if (mark === undefined || digest === undefined || mark === packageMark(digest)) return;
    throw new SluiceError(
      'VERSION_REMOVED',
      `Model "${name}" version "${version}" was removed, and is another package now. Submit the input again to run it on that.`,
    );
  }

  /** Whether `name` (or the default model) can be served now. @throws MODEL_NOT_FOUND when it does not exist. */
  ready(name?: string): boolean {
    const { defaultModel } = this.context.config;
    if (name === undefined && defaultModel === undefined) return this.all().some(({ servable }) => servable);
    try {
      return this.meant(name, undefined).servable;
    } catch (error) {
      if (name === undefined && error instanceof SluiceError) return false;
      throw error;
    }
  }

  private meant(name: string | undefined, version: string | undefined, chance = this.chance()): KnownVersion {
    const { defaultModel } = this.context.config;
    return resolve(this.snapshot, { name, version, chance, defaultModel });
  }

  private wantedIfAway(model: ServedModel): ServedModel {
    if (model.slots === 0 && (model.servable || model.registration)) this.wanted.tell(model.key);
    return model;
  }

  private async refresh(): Promise<void> {
    clearTimeout(this.timer);
    const read = await Promise.all([this.fleet.read(), this.registry.read()]).catch(() => undefined);
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.look(), read ? REFRESH_MS : RETRY_MS);
    this.timer.unref();
    if (!read) return;
    try {
      this.readAt = Date.now();
      this.snapshot = snapshotOf(...read);
      for (const listener of [...this.listeners]) listener();
    } catch (error) {
      // The next look is on its way: one that went wrong must not be the last.
      this.context.log.error({ err: error }, 'a look at registry and fleet failed');
    }
  }
}

/** Packs for a version that is loaded when it is wanted go to Redis as for one slot, and wait there. */
function slotsOf(known: KnownVersion | undefined): number {
  if (!known) return 0;
  return known.slots === 0 && known.servable ? 1 : known.slots;
}
