/**
 * Kills -9 at random moments: gateways, workers, executors, Redis; each is started again after a moment. Outages may
 * overlap, as they do.
 *
 * Invariants: every kind is killed at least once before any is drawn by chance; after `stop` everything is up again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf } from '../bench/processes/process-usage.js';
import type { Cluster } from './cluster.js';
import { between, oneOf, pause, type Random } from './random.js';

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
      const outage = this.outage(first.shift() ?? oneOf(random, kinds)).finally(() => this.outages.delete(outage));
      this.outages.add(outage);
    }
  }

  private async outage(kind: Kind): Promise<void> {
    const { cluster, random, log } = this.options;
    const downMs = Math.round(between(random, 0, MAX_DOWN_MS[kind]));
    if (kind === 'executor') {
      this.killExecutor();
      return;
    }
    const place =
      kind === 'redis' ? cluster.redis : oneOf(random, kind === 'gateway' ? cluster.gateways : cluster.workers);
    const isUp = 'isUp' in place ? place.isUp : place.pid !== undefined;
    if (!isUp) return;
    this.kills[kind]++;
    log(`kill ${'name' in place ? place.name : kind}, back in ${downMs} ms`);
    await place.kill();
    await sleep(downMs);
    await place.up();
  }

  /** Its worker starts another. */
  private killExecutor(): void {
    const { cluster, random, log } = this.options;
    const { pid, name } = oneOf(random, cluster.workers);
    const [executor] = pid === undefined ? [] : childrenOf(pid);
    if (executor === undefined) return;
    this.kills.executor++;
    log(`kill executor of ${name}`);
    try {
      process.kill(executor, 'SIGKILL');
    } catch {
      // It was gone already.
    }
  }
}
