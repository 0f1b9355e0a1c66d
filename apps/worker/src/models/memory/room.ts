/**
 * What is loaded next, and what gives way for it: first what requests wait for, then versions of the worker's own
 * folder that nobody has seen yet, then whatever there is room for.
 *
 * Invariants: without a budget everything that is wanted is loaded; with one, what executors hold stays within it, by
 * what is known of each version; what nobody waits for displaces nothing that anybody uses.
 */
import { createHash } from 'node:crypto';
import type { WorkerContext } from '../../context.js';
import type { Loading } from '../loading.js';
import type { ServedModels } from '../served-models.js';
import type { Version } from '../version.js';
import type { Wants } from '../wants.js';
import type { Evictions } from './evictions.js';
import { giveWay, type Occupant } from './memory-budget.js';

/** Packages are fetched a few at a time. */
const LOADS_AT_ONCE = 4;
/** A worker that has room takes a wanted version before one that has to make some. */
const LEAVE_TO_OTHERS_MS = 100;
/** After so long busy versions take turns with the one that waits. */
const URGENT_MS = 1_000;

export interface RoomOptions {
  context: WorkerContext;
  models: ServedModels;
  loading: Loading;
  evictions: Evictions;
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
    const { models, evictions } = this.options;
    for (const version of models.all()) {
      const bytes = models.bytesOf(version);
      if (bytes > this.budget && version.state === 'ready') await this.evict([version.key], true);
      if (bytes > this.budget && version.state === 'loadable' && version.isDesired) this.refuse(version, bytes);
    }
    if (this.free < 0 && evictions.underWay === 0) await this.evict(this.whoGives(-this.free) ?? []);
  }

  private async serveWants(): Promise<void> {
    const { models, loading, evictions, wants } = this.options;
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
      if (evictions.underWay > 0 || waited < LEAVE_TO_OTHERS_MS) continue;
      const isUrgent = waited >= URGENT_MS;
      const victims = this.whoGives(missing, { isUrgent });
      if (victims && (await loading.claim(version))) await this.evict(victims, isUrgent);
    }
  }

  private async fill(): Promise<void> {
    const { models, loading, evictions, wants } = this.options;
    const isBudgeted = this.budget < Infinity;
    // What is free is for those that wait.
    if (isBudgeted && wants.size > 0) return;
    for (const version of this.candidates()) {
      // With a budget one at a time: what a version takes is known when it is loaded.
      if (loading.count >= (isBudgeted ? 1 : LOADS_AT_ONCE) && (isBudgeted || version.digest !== undefined)) return;
      const missing = models.bytesOf(version) - this.free;
      if (missing <= 0) {
        loading.begin(version);
        continue;
      }
      if (!version.isNew || evictions.underWay > 0) continue;
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
  private whoGives(bytes: number, { isUrgent = false, fresh = false } = {}): string[] | undefined {
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

  private evict(keys: readonly string[], evenBusy = false): Promise<void> {
    const { models, evictions } = this.options;
    return evictions.begin(
      keys.map((key) => models.get(key)!),
      evenBusy,
    );
  }

  private refuse(version: Version, bytes: number): void {
    this.options.loading.refuse(
      version,
      `It takes ${bytes} bytes on this worker, and SLUICE_MODEL_MEMORY is ${this.budget}. Allow more, or fewer executors.`,
    );
  }
}
