/**
 * Entry of the drill: submits predictions with webhooks while everything is killed at random, then proves that nothing
 * acknowledged was lost, done twice or left untold. Exits with 1 when something was.
 *
 * Invariant: however it ends, no process of it is left, and no file but the logs of a drill that failed.
 */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSecret } from '#inference';
import { audit } from './audit.js';
import { Book } from './book.js';
import { Chaos } from './chaos.js';
import { Cluster } from './cluster.js';
import { prepareInputs } from './inputs.js';
import { parseOptions, USAGE, type DrillOptions } from './options.js';
import { randomOf } from '../random.js';
import { Receiver } from './receiver.js';
import { figures, violationsOf } from './report.js';
import { Submitter } from './submitter.js';

/** Each of them is served by itself, so that one in a bad patch does not hold up all. */
const ENDPOINTS = 4;
const began = performance.now();
const log = (line: string): void => {
  process.stdout.write(`${((performance.now() - began) / 1_000).toFixed(2).padStart(8)}  ${line}\n`);
};

try {
  const options = parseOptions(process.argv.slice(2));
  const passed = options ? await drill(options) : true;
  if (!options) process.stdout.write(`${USAGE}\n`);
  process.exit(passed ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function drill(options: DrillOptions): Promise<boolean> {
  const { seed, predictions, limitMs } = options;
  // What was started ends by the handlers of `exit`.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-drill-'));
  const secret = newSecret();
  const book = new Book();
  const receiver = await Receiver.start({ ...options, secret, book, random: randomOf(seed, 'receiver') });
  const onUnasked = (what: string): void => {
    log(what);
    book.violation(what);
  };
  const cluster = await Cluster.start({ scratch, webhookSecret: secret, onUnasked });
  const inputs = await prepareInputs(cluster.urls[0]!);
  log(`seed ${seed}; ${predictions} predictions; logs in ${scratch}`);

  const chaos = new Chaos({
    cluster,
    random: randomOf(seed, 'chaos'),
    everyMs: options.killEveryMs,
    kinds: options.kinds,
    log,
  });
  const webhook = (n: number): string | undefined => (options.webhooks ? receiver.url(n % ENDPOINTS) : undefined);
  const submitter = new Submitter({
    ...options,
    urls: cluster.urls,
    inputs,
    book,
    random: randomOf(seed, 'client'),
    webhook,
  });
  chaos.start();
  await submitter.run();
  log(`${book.acknowledged.size} acknowledged; no more kills`);
  await chaos.stop();
  log('everything is up again');

  const audited = await audit({
    book,
    redisUrl: cluster.redis.url,
    urls: cluster.urls,
    limitMs,
    webhooks: options.webhooks,
    log,
  });
  await cluster.close();
  await receiver.close();
  const totalMs = performance.now() - began;
  process.stdout.write(`\n${figures({ book, chaos, receiver, audit: audited, seed, totalMs })}\n`);
  const passed = book.violations.length === 0;
  if (passed) rmSync(scratch, { recursive: true, force: true });
  else process.stdout.write(`\n${violationsOf(book)}\nLogs: ${scratch}\n`);
  return passed;
}
