/**
 * Kills -9 at random moments: gateways, workers, executors, Redis; each is started again after a moment. Outages may
 * overlap, as they do.
 *
 * Invariants: every kind is killed at least once before any is drawn by chance; after `stop` everything is up again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf } from '../bench/processes/process-usage.js';
import type { Cluster } from './cluster.js';
import type { Place } from './place.js';
import { between, oneOf, pause, type Random } from '../random.js';
import type { RedisPlace } from './redis-place.js';

export const KINDS = ['gateway', 'worker', 'executor', 'redis'] as const;
export type Kind = (typeof KINDS)[number];

const MAX_DOWN_MS: Record<Kind, number> = { gateway: 1_500, worker: 3_000, executor: 0, redis: 1_500 };

export interface ChaosOptions {
  cluster: Cluster;
  random: Random;
  everyMs: number;
  kinds: readonly Kind[];
  log: (line: string) => void;
}

export class Chaos {
  readonly kills: Record<Kind, number> = { gateway: 0, worker: 0, executor: 0, redis: 0 };
  private readonly ending = new AbortController();
  private readonly outages = new Set<Promise<void>>();
  private running = Promise.resolve();

  constructor(private readonly options: ChaosOptions) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
    await Promise.all(this.outages);
    await this.options.cluster.restore();
  }

  private async run(): Promise<void> {
    const { random, everyMs, kinds } = this.options;
    const first = [...kinds].sort(() => random() - 0.5);
    const { signal } = this.ending;
    while (!signal.aborted) {
      const isOver = await sleep(pause(random, everyMs), false, { signal }).catch(() => true);
      if (isOver) return;
      const kind = first.shift() ?? oneOf(random, kinds);
      const outage = this.begin(kind);
      if (outage) this.track(outage);
      // Nothing of this kind was up just now.
      else if (this.kills[kind] === 0) first.push(kind);
    }
  }

  private track(outage: Promise<void>): void {
    const tracked = outage.finally(() => this.outages.delete(tracked));
    this.outages.add(tracked);
  }

  /** Undefined where there was nothing to kill. */
  private begin(kind: Kind): Promise<void> | undefined {
    const { cluster, random } = this.options;
    if (kind === 'executor') return this.killExecutor();
    if (kind === 'redis') return cluster.redis.isUp ? this.outage(kind, cluster.redis) : undefined;
    const place = oneOf(random, kind === 'gateway' ? cluster.gateways : cluster.workers);
    return place.pid === undefined ? undefined : this.outage(kind, place);
  }

  private async outage(kind: Kind, place: Place | RedisPlace): Promise<void> {
    const { random, log } = this.options;
    const downMs = Math.round(between(random, 0, MAX_DOWN_MS[kind]));
    this.kills[kind]++;
    log(`kill ${place.name}, back in ${downMs} ms`);
    await place.kill();
    await sleep(downMs);
    await place.up();
  }

  /** Its worker starts another. */
  private killExecutor(): Promise<void> | undefined {
    const { cluster, random, log } = this.options;
    const { pid, name } = oneOf(random, cluster.workers);
    const [executor] = pid === undefined ? [] : childrenOf(pid);
    if (executor === undefined) return undefined;
    try {
      process.kill(executor, 'SIGKILL');
    } catch {
      return undefined;
    }
    this.kills.executor++;
    log(`kill executor of ${name}`);
    return Promise.resolve();
  }
}
