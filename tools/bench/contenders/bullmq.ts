/** The queue that a team would write first: one BullMQ job for each request, waited for with QueueEvents. */
import { fileURLToPath } from 'node:url';
import { childEnv } from '#inference';
import { startRedis } from '../processes/redis.js';
import type { FromProgram, ProgramSettings, Service } from './contender.js';

const GATEWAY = fileURLToPath(new URL('./bullmq-gateway-program.js', import.meta.url));
const WORKER = fileURLToPath(new URL('./bullmq-worker-program.js', import.meta.url));

export const bullmqService: Service = {
  name: 'bullmq',
  description:
    'Fastify → one BullMQ job per request (JSON, pictures in base64) → worker of concurrency 32 → waitUntilFinished',

  async start({ name, packageDir, contentType, bodyFile }, { children, cpus, redis: program, scratch }) {
    const redis = await startRedis(program, scratch);
    const threads = name === 'image' ? cpus : 1;
    const settings: ProgramSettings = { packageDir, contentType, bodyFile, threads, redisUrl: redis.url };
    const env = childEnv({});
    const worker = children.start({ name: 'bullmq worker', script: WORKER, settings, env });
    const gateway = children.start({ name: 'bullmq gateway', script: GATEWAY, settings, env });
    const [{ port }] = await Promise.all([
      gateway.next<FromProgram, 'ready'>('ready'),
      worker.next<FromProgram, 'ready'>('ready'),
    ]);
    return {
      port,
      path: '/predict',
      processes: () => [
        { name: 'gateway', pid: gateway.pid },
        { name: 'worker', pid: worker.pid },
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
