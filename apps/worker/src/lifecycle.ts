/**
 * A worker's life: connect, load, serve, and on SIGTERM (or when the process that started it is gone) stop taking
 * packs, finish those in hand, let the executors end, say good-bye, exit 0.
 */
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ControlReader, MAX_SKEW_MS, NestLog, type WorkerConfig } from '#inference';
import { WorkerContext } from './context.js';
import { ExecutorSupervisor } from './executor.supervisor.js';
import { HeartbeatService } from './heartbeat.service.js';
import { CheckProcessor } from './models/verification/check.processor.js';
import { WorkerModule } from './worker.module.js';

/** Past the drain: time for executors to end and the good-bye to be said. */
const HARD_STOP_MS = 4_500;

export async function runWorker(config: WorkerConfig, executorEntry: URL): Promise<void> {
  const context = new WorkerContext(config);
  const heartbeat = new HeartbeatService(context);
  const supervisor = new ExecutorSupervisor(context, executorEntry, {
    changed: () => heartbeat.beat(),
    unable: (message) => {
      context.log.fatal(message);
      process.exit(1);
    },
  });
  const checks = new CheckProcessor(context, {
    entry: new URL('verify/verifier.js', executorEntry),
    packageFolder: (of) => supervisor.packages.packageFolder(of),
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    WorkerModule.with(context, supervisor),
    new FastifyAdapter(),
    {
      logger: new NestLog(context.log),
    },
  );
  await app.listen(config.port, config.host);

  const control = new ControlReader(context.connect('sluice-worker-control'), context.keys.control, (message) =>
    supervisor.heard(message),
  );
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    context.log.info({ signal }, 'worker stops: finishing what it has');
    // With Redis away a close may never return; the locks run out and another worker takes over.
    setTimeout(() => process.exit(1), config.drainMs + HARD_STOP_MS).unref();
    await Promise.all([supervisor.stop(), checks.stop()]);
    await Promise.all([heartbeat.stop(), control.stop()]);
    await app.close();
    context.clock.stop();
    context.redis.disconnect();
    context.log.info('worker stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  if (process.send) process.once('disconnect', () => void stop('parent gone'));
  // One that died while this process was starting has said so before anybody listened.
  if (process.send && !process.connected) void stop('parent gone');

  await context.clock.start();
  if (Math.abs(context.clock.skewMs) > MAX_SKEW_MS) {
    context.log.warn({ skewMs: Math.round(context.clock.skewMs) }, "this machine's clock differs from Redis'; set it");
  }
  control.start();
  heartbeat.start(supervisor);
  await supervisor.start();
  checks.start();
  const { executors, threads } = config;
  context.log.info({ worker: context.id, ops: await app.getUrl(), executors, threads }, 'worker started');
}
