/** Sluice itself: the built gateway and worker with the settings that `npm start` leaves them, whatever the shell has. */
import { childEnv, SETTINGS } from '#inference';
import { freePort } from '../../../apps/cli/src/free-port.js';
import { waitUntilReady } from '../../../apps/cli/src/wait-until-ready.js';
import { childrenOf } from '../processes/process-usage.js';
import { startRedis } from '../processes/redis.js';
import { inRepository } from '../repository.js';
import type { Service } from './contender.js';

const GATEWAY = inRepository('dist/apps/gateway/src/main.js');
const WORKER = inRepository('dist/apps/worker/src/main.js');

export const sluiceService: Service = {
  name: 'sluice',
  description: 'gateway and worker as `npm start` runs them, default settings',

  async start({ model, modelsDir }, { children, redis: program, scratch }) {
    const redis = await startRedis(program, scratch);
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
    });
    const worker = children.start({ name: 'sluice worker', script: WORKER, env });
    const gateway = children.start({ name: 'sluice gateway', script: GATEWAY, env });
    const ended = new AbortController();
    const died = Promise.race(
      [gateway, worker].map((child) => child.exited.then(() => Promise.reject(child.failure()))),
    );
    died.catch(() => ended.abort());
    const url = `http://127.0.0.1:${port}/health/ready`;
    await Promise.race([waitUntilReady({ url, signal: ended.signal, report: () => undefined }), died]);
    return {
      port,
      path: `/predict/${model}`,
      processes: () => [
        { name: 'gateway', pid: gateway.pid },
        { name: 'worker', pid: worker.pid },
        ...childrenOf(worker.pid).map((pid, i) => ({ name: `executor ${i + 1}`, pid })),
        { name: 'redis', pid: redis.pid },
      ],
      async stop() {
        await gateway.stop();
        await worker.stop();
        await redis.stop();
      },
    };
  },
};
