/** What may be done to a version that is registered. Every operation may be repeated, and is one line in the log. */
import { modelKey, SluiceError, VersionQueues, type Changed, type VersionLimits, type VersionName } from '#inference';
import type { GatewayContext } from '../../context.js';
import { redisAnswers } from '../../durable/durable.service.js';
import type { Audit } from '../audit.js';
import type { Caller } from '../caller.js';
import type { ModelCatalog } from '../catalog/model-catalog.js';
import { notFound } from '../catalog/resolution.js';
import type { UnusedPackages } from '../packages/unused-packages.js';

export interface Removal {
  by: Caller;
  /** What names it or waits for it goes with it. */
  force: boolean;
}

export class VersionOperations {
  private readonly queues: VersionQueues;

  constructor(
    private readonly context: GatewayContext,
    private readonly catalog: ModelCatalog,
    private readonly unused: UnusedPackages,
    private readonly audit: Audit,
  ) {
    this.queues = new VersionQueues(context.redis, context.keys);
  }

  load(of: VersionName, by: Caller): Promise<void> {
    return this.change('load', { of, by }, () => this.context.registry.desire(of, 'loaded'));
  }

  /** It takes no new predictions from now on. @throws STATE_CONFLICT while a route names it, unless forced */
  unload(of: VersionName, { by, force }: Removal): Promise<void> {
    return this.change('unload', { of, by }, () => this.context.registry.desire(of, 'unloaded', force));
  }

  /** In place of those that were set before. */
  limit(of: VersionName, limits: VersionLimits, by: Caller): Promise<void> {
    return this.change('limit', { of, by, to: limits }, () => this.context.registry.limit(of, limits));
  }

  /**
   * Takes it out of the registry, and its package out of the store if no other version is the same one. Predictions of it
   * that have not ended fail as VERSION_REMOVED soon after. @throws STATE_CONFLICT while a route names it or jobs of it
   * wait or run, unless forced
   */
  remove(of: VersionName, { by, force }: Removal): Promise<void> {
    return this.change('remove', { of, by }, async () => {
      const registration = (await this.catalog.registry.details(of))?.registration;
      if (registration && !force) await this.refuseInUse(of);
      const changed = await this.context.registry.remove(of, force);
      if (registration && changed.kind === 'ok') await this.unused.drop(registration.head.digest);
      return changed;
    });
  }

  private change(
    action: string,
    { of, by, to }: { of: VersionName; by: Caller; to?: unknown },
    change: () => Promise<Changed>,
  ): Promise<void> {
    return this.audit.of(
      { action, model: of.name, version: of.version, by, ...(to === undefined ? {} : { to }) },
      async () => {
        const changed = await redisAnswers(change());
        if (changed.kind === 'unknown') throw this.notRegistered(of);
        if (changed.kind === 'named') throw named(of, changed.by);
        await this.catalog.look();
      },
    );
  }

  private async refuseInUse(of: VersionName): Promise<void> {
    const [jobs = 0] = await this.queues.jobs([of]);
    if (jobs === 0) return;
    throw new SluiceError(
      'STATE_CONFLICT',
      `${jobs} jobs of ${what(of)} have not ended. Wait for them, or remove it with force=true, which fails their predictions.`,
    );
  }

  private notRegistered(of: VersionName): SluiceError {
    const known = this.catalog.view.versions.get(modelKey(of.name, of.version));
    if (!known || known.registration) return notFound(this.catalog.view, of.name, of.version);
    return new SluiceError(
      'STATE_CONFLICT',
      `${what(of)} is not registered: workers serve it from a folder of their own (SLUICE_MODELS). Change it there.`,
    );
  }
}

function named(of: VersionName, by: string): SluiceError {
  const sentence = `${what(of)} is named by the model's ${by}. Change that first, or use force=true.`;
  return new SluiceError('STATE_CONFLICT', sentence);
}

function what({ name, version }: VersionName): string {
  return `Model "${name}" version "${version}"`;
}
