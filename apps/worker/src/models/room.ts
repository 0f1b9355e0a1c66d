/**
 * What is loaded next, and what gives way for it: first what requests wait for, then versions of the worker's own
 * folder that nobody has seen yet, then whatever there is room for.
 *
 * Invariants: without a budget everything that is wanted is loaded; with one, what executors hold stays within it, by
 * what is known of each version; what nobody waits for displaces nothing that anybody uses.
 */
import { createHash } from 'node:crypto';
import type { WorkerContext } from '../context.js';
import type { Draining } from './draining.js';
import type { Loading } from './loading.js';
import { giveWay, type Occupant } from './memory-budget.js';
import type { ServedModels } from './served-models.js';
import type { Version } from './version.js';
import type { Wants } from './wants.js';

/** Packages are fetched a few at a time. */
const LOADS_AT_ONCE = 4;
/** A worker that has room takes a wanted version before one that has to make some. */
const LEAVE_TO_OTHERS_MS = 300;
/** After so long busy versions take turns with the one that waits. */
const URGENT_MS = 1_000;
/** A gateway that has not heard yet sends within this. */
const QUIET_MS = 750;
/** A version whose jobs do not come to an end is not to hold up the one that waits. */
const PATIENCE_MS = 5_000;

export interface RoomOptions {
  context: WorkerContext;
  models: ServedModels;
  loading: Loading;
  draining: Draining;
  wants: Wants;
  isNamed: (key: string) => boolean;
}

export class Room {
  private readonly budget: number;

  constructor(private readonly options: RoomOptions) {
    this.budget = options.context.config.modelMemory ?? Infinity;
  }

  async look(): Promise<void> {
    await this.keepWithin();
    await this.serveWants();
    await this.fill();
  }

  private get free(): number {
    return this.budget - this.options.models.bytes;
  }

  /** A version may turn out to take more than was thought. */
  private async keepWithin(): Promise<void> {
    const { models, draining } = this.options;
    for (const version of models.all()) {
      const bytes = models.bytesOf(version);
      if (bytes > this.budget && version.state === 'ready') await this.evict([version.key]);
      if (bytes > this.budget && version.state === 'loadable' && version.isDesired) this.refuse(version, bytes);
    }
    if (this.free < 0 && draining.forRoom === 0) await this.evict(this.whoGives(-this.free, { fresh: true }) ?? []);
  }

  private async serveWants(): Promise<void> {
    const { models, loading, draining, wants } = this.options;
    for (const key of wants.keys()) {
      const version = models.get(key);
      if (version?.state !== 'loadable') {
        wants.forget(key);
        continue;
      }
      const missing = models.bytesOf(version) - this.free;
      if (missing <= 0) {
        if (await loading.claim(version)) loading.begin(version);
        continue;
      }
      const waited = performance.now() - wants.heard(key)!;
      if (draining.forRoom > 0 || waited < LEAVE_TO_OTHERS_MS) continue;
      const victims = this.whoGives(missing, { isUrgent: waited >= URGENT_MS });
      if (victims && (await loading.claim(version))) await this.evict(victims);
    }
  }

  private async fill(): Promise<void> {
    const { models, loading, draining, wants } = this.options;
    const isBudgeted = this.budget < Infinity;
    for (const version of this.candidates()) {
      // With a budget one at a time: what a version takes is known when it is loaded.
      if (loading.count >= (isBudgeted ? 1 : LOADS_AT_ONCE) && (isBudgeted || version.digest !== undefined)) return;
      const missing = models.bytesOf(version) - this.free;
      if (missing <= 0) {
        loading.begin(version);
        continue;
      }
      if (!version.isNew || wants.size > 0 || draining.forRoom > 0) continue;
      const victims = this.whoGives(missing, { fresh: true });
      if (victims) await this.evict(victims);
    }
  }

  /** New ones first, then those that a route names, then each worker others, so that together they hold many. */
  private candidates(): Version[] {
    const { models, isNamed } = this.options;
    const rank = ({ key, isNew }: Version): number => (isNew ? 0 : isNamed(key) ? 1 : 2);
    const all = models.all().filter(({ state, isDesired }) => state === 'loadable' && isDesired);
    if (this.budget === Infinity) return all;
    const order = new Map(all.map((version) => [version, this.spread(version.key)]));
    return all.sort((a, b) => rank(a) - rank(b) || b.usedAt - a.usedAt || order.get(a)! - order.get(b)!);
  }

  private spread(key: string): number {
    return createHash('sha256').update(this.options.context.id).update(key).digest().readUInt32BE();
  }

  /** `fresh`: what has not been used since it was loaded need not stay its time. */
  private whoGives(bytes: number, { isUrgent = false, fresh = false }): string[] | undefined {
    const { models, wants, isNamed } = this.options;
    const occupants = models
      .all()
      .filter(({ state, key }) => state === 'ready' && wants.heard(key) === undefined)
      .map((version): Occupant => {
        const { key, isIdle, usedAt, loadMs } = version;
        const readyAt = fresh && usedAt < version.readyAt ? -Infinity : version.readyAt;
        return { key, bytes: models.bytesOf(version), isIdle, isNamed: isNamed(key), readyAt, usedAt, loadMs };
      });
    return giveWay(occupants, { bytes, now: performance.now(), isUrgent });
  }

  private async evict(keys: readonly string[]): Promise<void> {
    const { models, loading, draining, context } = this.options;
    for (const key of keys) {
      const version = models.get(key)!;
      // Whoever has asked for it until now has seen it ready since; who asks from now on is to be heard.
      await loading.settled(version);
      if (version.state !== 'ready') continue;
      const gone = (): void => {
        context.metrics.evictions.inc({ model: version.name, version: version.version });
        models.move(version, 'loadable');
      };
      draining.begin({ version, quietMs: QUIET_MS, patienceMs: PATIENCE_MS, isForRoom: true, gone });
    }
  }

  private refuse(version: Version, bytes: number): void {
    this.options.loading.refuse(
      version,
      `It takes ${bytes} bytes on this worker, and SLUICE_MODEL_MEMORY is ${this.budget}. Allow more, or fewer executors.`,
    );
  }
}
