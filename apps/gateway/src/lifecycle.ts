/**
 * A gateway's life: connect, listen, serve; on SIGTERM (or when the process that started it is gone) turn unready,
 * stay a lame duck while balancers notice, close the port, answer what was accepted, exit 0.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayConfig } from '#inference';
import { GatewayContext } from './context.js';
import { gatewayParts } from './gateway.module.js';
import { listen } from './http/listen.js';
import { createGateway } from './setup.js';

export async function runGateway(config: GatewayConfig): Promise<void> {
  const context = new GatewayContext(config);
  const parts = gatewayParts(context);
  const app = await createGateway(parts);
  const { catalog, admission, predictions, webhooks, upkeep, models } = parts;

  const stop = async (signal: string): Promise<void> => {
    if (context.draining) return;
    context.draining = true;
    context.log.info({ signal, inFlight: admission.inFlight }, 'gateway stops: answering what it has accepted');
    await sleep(config.lameDuckMs);
    const closed = app.close().then(() => admission.empty());
    const delivered = webhooks.stop(config.drainMs);
    await Promise.race([closed, sleep(config.drainMs)]);
    await delivered;
    const left = admission.inFlight;
    catalog.stop();
    context.clock.stop();
    await Promise.race([Promise.all([upkeep.stop(), predictions.stop()]), sleep(config.redisTimeoutMs)]);
    await Promise.race([Promise.all([context.outbox.close(), models.close()]), sleep(config.redisTimeoutMs)]);
    context.disconnect();
    context.log.info({ unanswered: left }, 'gateway stopped');
    process.exit(left === 0 ? 0 : 1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  if (process.send) process.once('disconnect', () => void stop('parent gone'));
  // One that died while this process was starting has said so before anybody listened.
  if (process.send && !process.connected) void stop('parent gone');

  predictions.start();
  catalog.start();
  upkeep.start();
  webhooks.start();
  context.redis.on('ready', () => void context.clock.start().catch(() => undefined));
  await listen(app, config);
  context.log.info({ gateway: context.id, url: await app.getUrl() }, 'gateway listens');
}
