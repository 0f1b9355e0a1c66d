/**
 * What the fleet serves, as this gateway last saw it: model versions, run slots, learned latencies.
 *
 * Invariants: the view is at most REFRESH_MS old while Redis answers; a gateway that cannot read it says so
 * (`fresh`) instead of trusting an old one.
 */
import {
  FleetReader,
  HEARTBEAT_TTL_MS,
  packsWorthSending,
  SluiceError,
  type InHand,
  type ServedVersion,
} from '#inference';
import type { GatewayContext } from '../context.js';
import { snapshotOf, type FleetSnapshot, type ServedModel } from './fleet-snapshot.js';

const REFRESH_MS = 500;
/** A connection that was cut is back long before the next regular look. */
const RETRY_MS = 50;
const NOTHING: InHand = { waiting: 0, out: 0 };
const STALE_MS = HEARTBEAT_TTL_MS + REFRESH_MS;
/** A worker that has just vanished or is loading: by then another heartbeat or an expiry has told. */
const NOT_READY_RETRY_SECONDS = 5;

export class ModelCatalog {
  private readonly reader: FleetReader;
  private snapshot: FleetSnapshot = { served: new Map(), unserved: [] };
  private readAt = 0;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly context: GatewayContext) {
    this.reader = new FleetReader(context.redis, context.keys, context.clock);
  }

  start(): void {
    void this.refresh();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.readAt = 0;
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Whether Redis is there and has answered lately: what is older than a heartbeat lives may be wrong altogether. */
  get fresh(): boolean {
    return !this.context.redisAway && Date.now() - this.readAt < STALE_MS;
  }

  /** Packs of a version that may be out at the same time with so much in hand. */
  credits(key: string, inHand: InHand): number {
    const model = this.snapshot.served.get(key);
    if (!model) return 0;
    return packsWorthSending(model.slots, inHand, model.alpha === undefined ? undefined : { alpha: model.alpha });
  }

  /** The same where work is not to be held together: as if nothing were known of what it costs. */
  allCredits(key: string): number {
    return packsWorthSending(this.snapshot.served.get(key)?.slots ?? 0, NOTHING, undefined);
  }

  find(key: string): ServedModel | undefined {
    return this.snapshot.served.get(key);
  }

  all(): ServedModel[] {
    return [...this.snapshot.served.values()];
  }

  /** The version that a request means. @throws MODEL_NOT_FOUND with what exists, MODEL_NOT_READY. */
  resolve(name: string | undefined, version: string | undefined): ServedModel {
    const wanted = name ?? this.defaultModel();
    const found = this.versionsOf(wanted).filter(
      (model) => version === undefined || model.description.version === version,
    );
    if (found.length === 0) throw this.notFound(wanted, version);
    // Without a version the newest that is ready serves; with none ready the newest is named in the refusal.
    const chosen = found.find((model) => model.slots > 0);
    if (chosen) return chosen;
    throw new SluiceError('MODEL_NOT_READY', this.whyNotReady(found[0]!), {
      retryAfterSeconds: NOT_READY_RETRY_SECONDS,
    });
  }

  /**
   * The version that a prediction is kept for, whether or not a worker has it ready now. Without a name `version` is one
   * that says it all: `<name>:<version>`, a package's checksum, or what only one model has. @throws MODEL_NOT_FOUND
   */
  resolveKept(name: string | undefined, version: string | undefined): ServedModel {
    if (name === undefined && version !== undefined) return this.byVersion(version);
    const wanted = name ?? this.defaultModel();
    const found = this.versionsOf(wanted).filter((model) => version === undefined || isVersion(model, version));
    const chosen = found.find((model) => model.slots > 0) ?? found[0];
    if (chosen) return chosen;
    throw this.notFound(wanted, version);
  }

  /** Whether `name` (or the default model) can be served now. @throws MODEL_NOT_FOUND when it does not exist. */
  ready(name?: string): boolean {
    const { defaultModel } = this.context.config;
    if (name === undefined && defaultModel === undefined) return this.all().some((model) => model.slots > 0);
    const versions = this.versionsOf(name ?? defaultModel!);
    if (versions.length === 0 && name !== undefined) throw this.notFound(name, undefined);
    return versions.some((model) => model.slots > 0);
  }

  private defaultModel(): string {
    const { defaultModel } = this.context.config;
    if (defaultModel !== undefined) return defaultModel;
    const names = this.names();
    // What only Redis remembers is no choice: a package that was taken away must not cost the other its default.
    const [only, ...others] = [...new Set(this.held().map((model) => model.description.name))];
    if (only !== undefined && others.length === 0) return only;
    throw this.unknown(
      names.length === 0
        ? 'No model is served yet. Start a worker with a model package; see docs/models.md.'
        : `The request names no model and there is no default one. POST to /predict/{model} with one of: ${names.join(', ')}.`,
    );
  }

  private byVersion(version: string): ServedModel {
    const exact = this.all().find(({ key, description }) => key === version || description.checksum === version);
    const [only, ...others] = this.all().filter((model) => model.description.version === version);
    const found = exact ?? (others.length === 0 ? only : undefined);
    if (found) return found;
    const keys = this.all().map((model) => model.key);
    throw this.unknown(
      `There is no one version ${JSON.stringify(clip(version))}. Versions: ${keys.join(', ') || 'none yet'}.`,
    );
  }

  private versionsOf(name: string): ServedModel[] {
    return this.all()
      .filter((model) => model.description.name === name)
      .sort((a, b) => newestFirst(a.description.version, b.description.version));
  }

  /** Models that a living worker holds, ready or not. */
  private held(): ServedModel[] {
    return this.all().filter((model) => model.states.length > 0);
  }

  private names(): string[] {
    return [...new Set(this.all().map((model) => model.description.name))].sort();
  }

  private notFound(name: string, version: string | undefined): SluiceError {
    const unserved = this.snapshot.unserved.find(
      (each) => each.name === name && (version ?? each.version) === each.version,
    );
    if (unserved) return notServed(unserved);
    const versions = this.versionsOf(name).map((model) => model.description.version);
    const what =
      versions.length > 0 && version !== undefined
        ? `Model "${name}" has no version "${clip(version)}". Its versions: ${versions.join(', ')}.`
        : `There is no model "${clip(name)}". Models: ${this.names().join(', ') || 'none yet'}.`;
    return this.unknown(what);
  }

  /** Not found is for good, and a gateway that has not looked yet cannot know. */
  private unknown(what: string): SluiceError {
    if (this.readAt > 0) return new SluiceError('MODEL_NOT_FOUND', what);
    return new SluiceError(
      'MODEL_NOT_READY',
      'This gateway has just started and not seen yet what is served. Try again.',
      {
        retryAfterSeconds: 1,
      },
    );
  }

  private whyNotReady({ description, states }: ServedModel): string {
    const what = `Model "${description.name}" version "${description.version}"`;
    if (states.length === 0) return `${what} is known, but no worker that serves it is alive. Start a worker.`;
    return `${what} is not ready on any worker (${[...new Set(states)].join(', ')}). Try again in a few seconds.`;
  }

  private async refresh(): Promise<void> {
    const read = await this.reader.read().catch(() => undefined);
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.refresh(), read ? REFRESH_MS : RETRY_MS);
    this.timer.unref();
    if (!read) return;
    this.readAt = Date.now();
    this.snapshot = snapshotOf(read);
    for (const listener of this.listeners) listener();
  }
}

function isVersion({ key, description }: ServedModel, version: string): boolean {
  return version === description.version || version === key || version === description.checksum;
}

/** A version that a worker holds and has never served. */
function notServed({ name, version, state, reason }: ServedVersion): SluiceError {
  const what = `Model "${name}" version "${version}"`;
  const why =
    state === 'failed' ? `was refused by its worker: ${reason}` : 'is being loaded. Try again in a few seconds.';
  return new SluiceError('MODEL_NOT_READY', `${what} ${why}`, { retryAfterSeconds: NOT_READY_RETRY_SECONDS });
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

function clip(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}…`;
}
