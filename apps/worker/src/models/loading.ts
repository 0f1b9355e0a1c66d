/**
 * From a version that is known to one that is served: its package, the executors, the fleet's view of it, its queues.
 *
 * Invariants: one load of a version at a time; a version whose load fails says why, and is let go of by every executor;
 * a claim on a wanted version is held while it loads and given back whatever came of it.
 */
import type { PackageName, Registry } from '#inference';
import type { WorkerContext } from '../context.js';
import type { PackageSource } from './packages/package-source.js';
import { Retries } from './retries.js';
import type { ServedModels } from './served-models.js';
import type { Version } from './version.js';

/** A worker that dies while it loads holds others up for so long. */
const CLAIM_MS = 10_000;

export interface LoadingOptions {
  context: WorkerContext;
  registry: Registry;
  models: ServedModels;
  source: PackageSource;
  /** A load has ended, well or not. */
  ended(version: Version): void;
}

export class Loading {
  readonly retries = new Retries();
  private readonly claimed = new Set<Version>();
  private underWay = 0;

  constructor(private readonly options: LoadingOptions) {}

  get count(): number {
    return this.underWay;
  }

  /** Whether this worker is the one that loads a wanted version. */
  async claim(version: Version): Promise<boolean> {
    const { registry, context } = this.options;
    if (!(await registry.claim(version, context.id, CLAIM_MS))) return false;
    this.claimed.add(version);
    return true;
  }

  /** To be called more often than claims run out. */
  async renewClaims(): Promise<void> {
    const { registry, context } = this.options;
    await Promise.all([...this.claimed].map((version) => registry.claim(version, context.id, CLAIM_MS)));
  }

  begin(version: Version): void {
    this.underWay++;
    this.options.models.move(version, 'starting');
    void this.load(version).finally(() => {
      this.underWay--;
      this.options.ended(version);
    });
  }

  /** It can never be loaded here as things are. */
  refuse(version: Version, reason: string): void {
    this.retries.hopeless(version);
    this.options.models.move(version, 'failed', reason);
    void this.end(version);
  }

  /** It was ready, and no executor can hold it any more. What it has in hand waits for the next try. */
  lost(version: Version, reason: string): void {
    const { models, context } = this.options;
    this.retries.failed(version);
    models.move(version, 'failed', reason);
    void models.release(version);
    models.endConsuming(version).catch((error: unknown) => {
      context.log.debug({ model: version.key, reason: String(error) }, 'queue');
    });
  }

  /** Nobody needs to ask for it any more. */
  async settled(version: Version): Promise<void> {
    try {
      await this.options.registry.settled(version);
    } catch (error) {
      this.options.context.log.debug({ model: version.key, reason: String(error) }, 'a wanted version was not settled');
    }
  }

  private async load(version: Version): Promise<void> {
    const { models, source, context } = this.options;
    const labels = { model: version.name, version: version.version };
    const began = performance.now();
    const { digest, name, version: number } = version;
    const from = { digest: digest!, name, version: number };
    try {
      version.directory ??= await source.packageFolder(from);
      await models.hold(version);
      await models.announce([version]);
      await models.consume(version);
      version.loadMs = performance.now() - began;
      this.retries.forget(version.key);
      context.metrics.loads.inc({ ...labels, outcome: 'loaded' });
      models.move(version, 'ready');
      // Who waits for it has not been heard yet, and it is not to be the first to give way.
      if (this.claimed.has(version)) version.usedAt = performance.now();
    } catch (error) {
      await models.endConsuming(version);
      await models.release(version);
      this.retries.failed(version, { mayPass: digest !== undefined && version.directory === undefined });
      if (digest !== undefined) await this.lookAgain(version, from);
      context.metrics.loads.inc({ ...labels, outcome: 'failed' });
      models.move(version, 'failed', error instanceof Error ? error.message : String(error));
    }
    await this.end(version);
  }

  /** It may have been swept from the store, or be fetched whole the next time. */
  private async lookAgain(version: Version, from: PackageName): Promise<void> {
    version.directory = undefined;
    await this.options.source.discardDamaged(from).catch((error: unknown) => {
      this.options.context.log.warn({ model: version.key, reason: String(error) }, 'a package could not be looked at');
    });
  }

  /** Where a claim is not given back it runs out by itself. */
  private async end(version: Version): Promise<void> {
    this.claimed.delete(version);
    await this.settled(version);
  }
}
