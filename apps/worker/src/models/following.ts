/**
 * What the registry says, made true of this worker's versions: new ones become known, those that are to go drain, those
 * whose registration is gone are let go of, limits hold at once.
 *
 * Invariants: what is compared is what is wanted with what is, so whatever was missed is made up for; a version from the
 * worker's own folder is always wanted, and stands before a registered one of its name.
 */
import { modelKey, type ListedRegistration, type RegistryView, type Route } from '#inference';
import type { WorkerContext } from '../context.js';
import type { Draining } from './draining.js';
import type { Loading } from './loading.js';
import type { PackageSource } from './packages/package-source.js';
import type { ServedModels } from './served-models.js';
import { Version } from './version.js';

export interface FollowingOptions {
  context: WorkerContext;
  models: ServedModels;
  draining: Draining;
  loading: Loading;
  source: PackageSource;
  /** Something is to be looked at again. */
  look: () => void;
}

export class Following {
  /** Keys of versions that a route names. */
  named: ReadonlySet<string> = new Set();
  private seen: RegistryView | undefined;
  private readonly warned = new Set<string>();

  constructor(private readonly options: FollowingOptions) {}

  follow(view: RegistryView): void {
    if (view !== this.seen) this.read(view);
    this.seen = view;
    for (const version of this.options.models.all()) this.settle(version);
  }

  private read(view: RegistryView): void {
    const { models } = this.options;
    const registered = new Map(view.registrations.map((each) => [modelKey(each.head.name, each.head.version), each]));
    for (const [key, registration] of registered) {
      if (!models.get(key)) models.add(Version.registered(registration));
    }
    for (const version of models.all()) {
      const registration = registered.get(version.key);
      const same = version.digest === undefined || version.digest === registration?.head.digest;
      const before = limitsOf(version.registration);
      version.follow(same ? registration : undefined);
      if (limitsOf(version.registration) !== before) this.limit(version);
    }
    this.named = new Set(
      [...view.routes].flatMap(([name, route]) => namedBy(route).map((each) => modelKey(name, each))),
    );
  }

  private settle(version: Version): void {
    const { models, draining, loading } = this.options;
    const { state, isDesired, isGone, registration, digest } = version;
    if (digest === undefined && registration) this.warnOfOther(version, registration);
    if (state === 'draining') {
      if (isGone && draining.abandon(version)) void this.remove(version);
      else if (isDesired) draining.stay(version);
    } else if (state === 'ready' && isGone) void this.remove(version);
    else if (state === 'ready' && !isDesired) draining.begin(version);
    else if (state === 'loadable' && isGone) this.forget(version);
    else if (state === 'failed' && (!isDesired || loading.retries.mayTry(version))) models.move(version, 'loadable');
  }

  /** What is left in its queues is the gateways' to settle. */
  private async remove(version: Version): Promise<void> {
    const { models, context, look } = this.options;
    models.move(version, 'draining');
    try {
      await models.endConsuming(version);
      await models.release(version);
    } catch (error) {
      context.log.error({ model: version.key, reason: String(error) }, 'a removed version was not let go of in order');
    }
    models.move(version, 'loadable');
    look();
  }

  private forget(version: Version): void {
    const { models, loading, source, context, look } = this.options;
    models.drop(version);
    loading.retries.forget(version.key);
    // One that was registered under the name of another package meanwhile is to be met.
    this.seen = undefined;
    source.forget(version.digest!).catch((error: unknown) => {
      context.log.warn({ model: version.key, reason: String(error) }, 'the package of a removed version is left');
    });
    look();
  }

  private limit(version: Version): void {
    const { models, context } = this.options;
    models.limit(version);
    if (!version.target) return;
    const { maxBatchSize, maxDelayMs } = version.target.description;
    context.log.info({ model: version.key, maxBatchSize, maxDelayMs }, 'limits changed');
    models.announce([version]).catch((error: unknown) => {
      context.log.warn({ reason: String(error) }, 'models could not be announced');
    });
  }

  private warnOfOther(local: Version, { head }: ListedRegistration): void {
    const checksum = local.target?.description.checksum;
    if (checksum === undefined || checksum === head.digest || this.warned.has(local.key)) return;
    this.warned.add(local.key);
    this.options.context.log.warn(
      { model: local.key },
      'another package is registered under this name and version; the one in SLUICE_MODELS is served',
    );
  }
}

function limitsOf(registration: ListedRegistration | undefined): string {
  return JSON.stringify([registration?.limits, registration?.facts]);
}

function namedBy(route: Route): string[] {
  const { aliases, split, shadow } = route;
  const versions = [route.default, ...Object.values(aliases), ...(split ?? []).map(({ version }) => version)];
  return [...versions, shadow?.version].filter((version) => version !== undefined);
}
