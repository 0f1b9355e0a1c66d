/** What the drill is about: a Redis, two gateways, two workers of one executor each, all on this machine. */
import { childEnv, SETTINGS } from '#inference';
import { freePort } from '../../apps/cli/src/serve/free-port.js';
import { waitUntilReady } from '../../apps/cli/src/serve/wait-until-ready.js';
import { Children } from '../bench/processes/children.js';
import { inRepository } from '../bench/repository.js';
import { Place } from './place.js';
import { RedisPlace } from './redis-place.js';

const GATEWAY = inRepository('dist/apps/gateway/src/main.js');
const WORKER = inRepository('dist/apps/worker/src/main.js');
const PLACES = [1, 2];
/** Of the default schedule, a thousandth of each pause. */
const SCHEDULE = '0,5ms,300ms,1800ms,7200ms,18s,36s,50400ms,72s,86400ms';

export interface ClusterOptions {
  scratch: string;
  webhookSecret: string;
  onUnasked: (what: string) => void;
}

export class Cluster {
  private constructor(
    readonly redis: RedisPlace,
    readonly gateways: readonly Place[],
    readonly workers: readonly Place[],
    readonly urls: readonly string[],
  ) {}

  /** Resolves when both gateways are ready. */
  static async start({ scratch, webhookSecret, onUnasked }: ClusterOptions): Promise<Cluster> {
    const children = new Children(scratch);
    const redis = await RedisPlace.start(scratch);
    // Whatever the shell has set is for other services.
    const unset = Object.keys({ ...SETTINGS.gateway, ...SETTINGS.worker }).map((name) => [name, ''] as const);
    const common = { ...Object.fromEntries(unset), REDIS_URL: redis.url };
    const place = (name: string, script: string, env: Record<string, string>): Place =>
      new Place({
        name,
        start: () => children.start({ name, script, env: childEnv({ ...common, ...env }) }),
        onUnasked: (reason) => onUnasked(`${name} ended by itself: ${reason}`),
      });
    const ports = await Promise.all(PLACES.map(() => freePort()));
    const gateways = PLACES.map((n, i) =>
      place(`gateway ${n}`, GATEWAY, {
        PORT: String(ports[i]),
        SLUICE_LAME_DUCK_MS: '0',
        SLUICE_WEBHOOK_SECRET: webhookSecret,
        SLUICE_WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
        SLUICE_WEBHOOK_SCHEDULE: SCHEDULE,
      }),
    );
    const workers = PLACES.map((n) =>
      place(`worker ${n}`, WORKER, {
        SLUICE_MODELS: inRepository('models'),
        SLUICE_EXECUTORS: '1',
        SLUICE_WORKER_PORT: '0',
      }),
    );
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const cluster = new Cluster(redis, gateways, workers, urls);
    await cluster.restore();
    return cluster;
  }

  /** Everything up and ready again. */
  async restore(): Promise<void> {
    await this.redis.up();
    for (const place of [...this.workers, ...this.gateways]) place.up();
    const { signal } = new AbortController();
    await Promise.all(
      this.urls.map((url) => waitUntilReady({ url: `${url}/health/ready`, signal, report: () => undefined })),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.gateways.map((place) => place.close()));
    await Promise.all(this.workers.map((place) => place.close()));
    await this.redis.close();
  }
}
