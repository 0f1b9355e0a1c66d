/** The queue that a team would write first: one BullMQ job for each request, waited for with QueueEvents. */
import { fileURLToPath } from 'node:url';
import { childEnv } from '#inference';
import { startRedis } from '../processes/redis.js';
import type { Workload } from '../workloads.js';
import type { BenchContext, FromProgram, ProgramSettings, RunningService, Service, ServiceName } from './contender.js';

const GATEWAY = fileURLToPath(new URL('./bullmq-gateway-program.js', import.meta.url));
const WORKER = fileURLToPath(new URL('./bullmq-worker-program.js', import.meta.url));

/** BullMQ's default concurrency, and the one that was found to be the fastest with 64 callers (1, 32 and 200 were tried). */
export const bullmqDefault = bullmqService('bullmq', 1);
export const bullmqTuned = bullmqService('bullmq-32', 32);

function bullmqService(name: ServiceName, concurrency: number): Service {
  return {
    name,
    description: descriptionOf(concurrency),
    start: (workload, context) => start({ workload, context, concurrency }),
  };
}

function descriptionOf(concurrency: number): string {
  return `Fastify → one BullMQ job per request (JSON, pictures in base64) → worker of concurrency ${concurrency} → waitUntilFinished`;
}

interface Start {
  workload: Workload;
  context: BenchContext;
  concurrency: number;
}

async function start({ workload, context, concurrency }: Start): Promise<RunningService> {
  const { name, packageDir, contentType, bodyFile } = workload;
  const { children, cpus, redis: program, scratch } = context;
  const redis = await startRedis(program, scratch);
  const threads = name === 'image' ? cpus : 1;
  const settings: ProgramSettings = { packageDir, contentType, bodyFile, threads, redisUrl: redis.url, concurrency };
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
}
