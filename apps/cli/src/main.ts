/** The command line: which command, with which settings. What a command does is in its own file. */
import { fileURLToPath } from 'node:url';
import { loadGatewayConfig, loadServeConfig, loadWorkerConfig } from '#inference';
import { serve } from './commands/serve.js';
import { StopSignals } from './stop-signals.js';

const USAGE = `Usage: sluice serve

  serve   Redis, a gateway and a worker on this machine, until Ctrl-C.
          Settings are environment variables, among them PORT, REDIS_URL and SLUICE_DATA; see docs/config.md.
`;

/** Beyond the time that a process gives itself to drain: for what comes after that. */
const STOP_MARGIN_MS = 15_000;

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === '--help' || command === '-h' || rest.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (command !== 'serve' || rest.length > 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  return runServe();
}

async function runServe(): Promise<number> {
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
  return fileURLToPath(new URL(`../../${app}/src/main.js`, import.meta.url));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
