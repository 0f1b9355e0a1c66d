/** A gateway inside the test's own process, without workers: for what is decided before a prediction is one. */
import type { FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import { loadGatewayConfig } from '#inference';
import { GatewayContext } from '../../apps/gateway/src/context.js';
import { gatewayParts } from '../../apps/gateway/src/gateway.module.js';
import { listen } from '../../apps/gateway/src/http/listen.js';
import { createGateway } from '../../apps/gateway/src/setup.js';

export interface InProcessGateway {
  url: string;
  /** The server itself, to be asked which routes it has. */
  fastify: FastifyInstance;
  close(): Promise<void>;
}

export async function startInProcessGateway(env: Record<string, string>): Promise<InProcessGateway> {
  const context = new GatewayContext(
    loadGatewayConfig({
      REDIS_URL: process.env['SLUICE_TEST_REDIS_URL'],
      SLUICE_PREFIX: `{test-${randomBytes(6).toString('hex')}}`,
      SLUICE_LOG_LEVEL: 'silent',
      ...env,
    }),
  );
  const disconnect = (): void => {
    context.disconnect();
    context.clock.stop();
  };
  try {
    const parts = gatewayParts(context);
    const app = await createGateway(parts);
    const { host, adminHost } = context.config;
    await listen(app, { port: 0, host, adminHost });
    return {
      url: await app.getUrl(),
      fastify: app.getHttpAdapter().getInstance(),
      close: () => app.close().finally(() => parts.models.close().finally(disconnect)),
    };
  } catch (error) {
    disconnect();
    throw error;
  }
}
