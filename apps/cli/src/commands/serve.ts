/**
 * `sluice serve`: Redis, worker and gateway on one machine, as one command. Stopped in the reverse order: the gateway
 * first, so that nothing new comes in, then the worker, then Redis. Invariant: whichever way it ends, none of the
 * processes it started is left; unless this process itself is killed: then gateway and worker notice by themselves, and
 * the next start deals with Redis.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { childEnv, loadGatewayConfig, loadServeConfig, loadWorkerConfig } from '#inference';
import { UsageError, type Command } from '../command.js';
import { PrivateRedis } from '../redis/private-redis.js';
import { NodeService } from '../serve/node-service.js';
import { gatewayPort, reachable, workerPort } from '../serve/serve-ports.js';
import { ServiceGroup } from '../serve/service-group.js';
import { waitUntilReady } from '../serve/wait-until-ready.js';
import { StopSignals } from '../stop-signals.js';

/** Beyond the time that a process gives itself to drain: for what comes after that. */
const STOP_MARGIN_MS = 15_000;

export const serveCommand: Command = {
  usage: '',
  help: [
    'Redis, a gateway and a worker on this machine, until Ctrl-C.',
    'Settings are environment variables, among them PORT, REDIS_URL and SLUICE_DATA; see docs/config.md.',
  ].join('\n'),
  outlivesOutput: true,

  run(args) {
    if (args.length > 0) throw new UsageError('This command takes no arguments.');
    return serveAsConfigured();
  },
};

interface Program {
  script: string;
  host: string;
  stopLimitMs: number;
}

export interface ServeOptions {
  /** None: a private Redis in the data directory. */
  redisUrl?: string | undefined;
  dataDir: string;
  redisMaxMemoryBytes: number;
  /** No port: the usual one, or the next that is free. */
  gateway: Program & { port?: number | undefined };
  worker: Program & { port: number };
  signals: Pick<StopSignals, 'requested' | 'forced'>;
  print: (line: string) => void;
  restartBackoffMs?: number;
}

/** Settles when everything has stopped, with the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const { signals, print, restartBackoffMs } = options;
  const { requested, forced } = signals;
  const group = new ServiceGroup({ requested, forced, report: print, restartBackoffMs });
  requested.addEventListener('abort', () => print('Stopping. Ctrl-C again stops at once.'));
  let redis: PrivateRedis | undefined;
  try {
    const started = performance.now();
    const { gateway, worker } = options;
    // First of all: a second sluice in the same place is told that, and nothing about ports.
    if (options.redisUrl === undefined) redis = await openRedis(options, group.ending);
    const port = await gatewayPort(gateway.port, { host: gateway.host, print });
    const opsPort = await workerPort(worker.port, worker.host, port);
    if (redis) await group.run(redis);
    const env = { REDIS_URL: options.redisUrl ?? redis?.url ?? '' };
    const workerEnv = childEnv({ ...env, SLUICE_WORKER_PORT: String(opsPort) });
    const gatewayEnv = childEnv({ ...env, PORT: String(port) });
    await group.run(new NodeService({ ...worker, name: 'worker', env: workerEnv, report: print }));
    await group.run(new NodeService({ ...gateway, name: 'gateway', env: gatewayEnv, report: print }));

    const base = `http://${reachable(gateway.host)}:${port}`;
    await waitUntilReady({ url: `${base}/health/ready`, signal: group.ending, report: print });
    print(banner(base, (performance.now() - started) / 1000));
    if (!group.ending.aborted) await once(group.ending, 'abort');
  } catch (error) {
    // A stop that was asked for ends every wait by throwing; that is no failure.
    if (!group.ending.aborted) group.fail(error instanceof Error ? error.message : String(error));
  }
  if (group.failure !== undefined) print(group.failure);
  await group.stop();
  redis?.close();
  return group.failure === undefined ? 0 : 1;
}

function openRedis(options: ServeOptions, signal: AbortSignal): Promise<PrivateRedis> {
  return PrivateRedis.open({
    dataDir: options.dataDir,
    maxMemoryBytes: options.redisMaxMemoryBytes,
    report: options.print,
    signal,
  });
}

function banner(base: string, seconds: number): string {
  return [
    '',
    `Sluice is ready on ${base} (${seconds.toFixed(1)} s). Try it:`,
    '',
    `  curl -F file=@examples/digits/seven.png ${base}/predict`,
    '',
    'Ctrl-C stops it; what was accepted is answered first.',
    '',
  ].join('\n');
}

async function serveAsConfigured(): Promise<number> {
  const config = loadServeConfig();
  const gateway = loadGatewayConfig();
  const worker = loadWorkerConfig();
  const signals = new StopSignals();
  // A terminal that was closed takes no more lines; that must not keep anything from stopping in order.
  process.stdout.on('error', () => undefined);
  signals.listen();
  try {
    return await serve({
      ...config,
      gateway: {
        script: programOf('gateway'),
        host: gateway.host,
        port: config.port,
        stopLimitMs: gateway.lameDuckMs + gateway.drainMs + STOP_MARGIN_MS,
      },
      worker: {
        script: programOf('worker'),
        host: worker.host,
        port: worker.port,
        stopLimitMs: worker.drainMs + STOP_MARGIN_MS,
      },
      signals,
      print: (line) => process.stdout.write(`${line}\n`),
    });
  } finally {
    signals.dispose();
  }
}

function programOf(app: 'gateway' | 'worker'): string {
  return fileURLToPath(new URL(`../../../${app}/src/main.js`, import.meta.url));
}
