/** Sluice itself: the built gateway and worker with the settings that `npm start` leaves them, whatever the shell has. */
import { childEnv, SERVICE_OPTIONS, SETTINGS } from '#inference';
import { freePort } from '../../../apps/cli/src/serve/free-port.js';
import { waitUntilReady } from '../../../apps/cli/src/serve/wait-until-ready.js';
import { childrenOf } from '../processes/process-usage.js';
import { startRedis } from '../processes/redis.js';
import { inRepository } from '../repository.js';
import type { RedisProgram } from '../../../apps/cli/src/redis/redis-program.js';
import type { BenchContext, RunningService, Service } from './contender.js';

const GATEWAY = inRepository('dist/apps/gateway/src/main.js');
const DEFAULT_PREFIX = SETTINGS.gateway.SLUICE_PREFIX.parse(undefined);
const WORKER = inRepository('dist/apps/worker/src/main.js');

export interface SluiceOptions extends Pick<BenchContext, 'children' | 'scratch'> {
  redis: RedisProgram;
  modelsDir: string;
  /** On top of the defaults. */
  settings?: Record<string, string>;
  workers?: number;
}

export interface RunningSluice extends Omit<RunningService, 'path'> {
  redisUrl: string;
  prefix: string;
}

export const sluiceService: Service = {
  name: 'sluice',
  description: 'gateway and worker as `npm start` runs them, default settings',

  async start({ model, modelsDir }, context) {
    return { path: `/predict/${model}`, ...(await startSluice({ ...context, modelsDir })) };
  },
};

/** A Redis, a gateway and a worker of their own. */
export async function startSluice(options: SluiceOptions): Promise<RunningSluice> {
  const { children, redis: redisProgram, scratch, modelsDir, settings = {}, workers: count = 1 } = options;
  const redis = await startRedis(redisProgram, scratch);
  const port = await freePort();
  const unset = Object.keys({ ...SETTINGS.gateway, ...SETTINGS.worker }).map((name) => [name, ''] as const);
  const env = childEnv({
    ...Object.fromEntries(unset),
    REDIS_URL: redis.url,
    PORT: String(port),
    SLUICE_MODELS: modelsDir,
    SLUICE_WORKER_PORT: '0',
    // For a quick end of the cell; nothing else sees it.
    SLUICE_LAME_DUCK_MS: '0',
    ...settings,
  });
  const program = { env, execArgv: SERVICE_OPTIONS };
  const workers = Array.from({ length: count }, () =>
    children.start({ name: 'sluice worker', script: WORKER, ...program }),
  );
  const gateway = children.start({ name: 'sluice gateway', script: GATEWAY, ...program });
  const ended = new AbortController();
  const died = Promise.race(
    [gateway, ...workers].map((child) => child.exited.then(() => Promise.reject(child.failure()))),
  );
  died.catch(() => ended.abort());
  const url = `http://127.0.0.1:${port}/health/ready`;
  if (count > 0) await Promise.race([waitUntilReady({ url, signal: ended.signal, report: () => undefined }), died]);
  return {
    port,
    redisUrl: redis.url,
    prefix: DEFAULT_PREFIX,
    processes: () => [
      { name: 'gateway', pid: gateway.pid },
      ...workers.flatMap(({ pid }) => [
        { name: 'worker', pid },
        ...childrenOf(pid).map((child, i) => ({ name: `executor ${i + 1}`, pid: child })),
      ]),
      { name: 'redis', pid: redis.pid },
    ],
    async stop() {
      await gateway.stop();
      await Promise.all(workers.map((worker) => worker.stop()));
      await redis.stop();
    },
  };
}
