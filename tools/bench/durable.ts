/**
 * Durable submissions: how many a second are acknowledged while workers keep up, what one costs, and what Redis holds.
 *
 *   npm run --silent build && node dist/tools/bench/durable.js rate    [--rate 1600] [--seconds 60] [--callers N]
 *   npm run --silent build && node dist/tools/bench/durable.js pending [--count 20000]
 *   npm run --silent build && node dist/tools/bench/durable.js flat    [--rate 1500] [--count 200000] [--retention 60]
 *   Each with --small: four numbers for a model that adds them, instead of 28 x 28 for the digits.
 *
 * One Redis (AOF each second), one gateway and one worker as `npm start` runs them, the load generator beside them on
 * the same cores. `rate` is an open loop unless callers are given; the backlog is what has not ended, each second.
 * `pending` has no worker: bytes of Redis' memory for each that waits, beside its input. `flat` keeps everything a
 * minute and shows memory while several times as much passes through.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { failFastConnection, keysUnder, type Redis } from '#inference';
import { startSluice, type RunningSluice } from './contenders/sluice.js';
import { LoadGenerator } from './load/load-generator.js';
import type { Load, LoadSummary } from './load/protocol.js';
import { positive } from './options.js';
import { machineCpuMicros, usageOf } from './processes/process-usage.js';
import { benchProgram } from './processes/program.js';
import { findRedis } from './processes/redis.js';
import { inRepository } from './repository.js';
import { prepareWorkload, type Workload } from './workloads.js';

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rate: text,
    seconds: text,
    callers: text,
    count: text,
    retention: text,
    small: { type: 'boolean', default: false },
  },
});
const number = (name: 'rate' | 'seconds' | 'callers' | 'count' | 'retention', otherwise: string): number =>
  positive(`--${name}`, values[name] ?? otherwise);

const { scratch, children, run } = await benchProgram('durable');
await run(async () => {
  const workload = values.small
    ? await smallWorkload()
    : await prepareWorkload('json', { scratch, models: '', image: undefined, callers: undefined });
  const [what] = positionals;
  if (what === 'rate') await rate(workload);
  else if (what === 'pending') await pending(workload);
  else if (what === 'flat') await flat(workload);
  else throw new Error('Expected rate, pending or flat; see the head of tools/bench/durable.ts.');
});

async function smallWorkload(): Promise<Workload> {
  const json = await prepareWorkload('json', { scratch, models: '', image: undefined, callers: undefined });
  const bodyFile = join(scratch, 'small.json');
  await writeFile(bodyFile, '{"input": [1, 2, 3, 4]}');
  return { ...json, model: 'row_sum', modelsDir: inRepository('test/fixtures/models'), bodyFile };
}

interface Bench {
  sluice: RunningSluice;
  redis: Redis;
  submit: (load: Load, seconds: number, each?: () => Promise<void>) => Promise<Submitted>;
  /** Predictions that have not ended. */
  backlog: () => Promise<number>;
  /** Records that have ended, and what the ledger has counted. */
  kept: () => Promise<{ records: number; bytes: Record<string, number> }>;
  usedMemory: () => Promise<number>;
}

interface Submitted {
  summary: LoadSummary;
  cpuMicros: Record<string, number>;
  othersCores: number;
}

async function withSluice(
  workload: Workload,
  { settings, workers }: { settings?: Record<string, string>; workers: number },
  run: (bench: Bench) => Promise<void>,
): Promise<void> {
  const program = await findRedis();
  const base = { children, redis: program, scratch, modelsDir: workload.modelsDir, settings: settings ?? {} };
  const sluice = await startSluice({ ...base, workers });
  const redis = failFastConnection({ url: sluice.redisUrl, connectionName: 'sluice-gateway', timeoutMs: 5_000 });
  await new Promise((resolve) => redis.once('ready', resolve));
  const generator = await LoadGenerator.start(children);
  const keys = keysUnder(sluice.prefix);
  const target = {
    port: sluice.port,
    path: `/predict/${workload.model}`,
    contentType: workload.contentType,
    bodyFile: workload.bodyFile,
    marker: '"status":"starting"',
    status: 202,
    headers: ['Prefer: respond-async'],
  };
  await run({
    sluice,
    redis,
    backlog: () => redis.zcard(keys.due),
    async kept() {
      const [records, bytes] = await Promise.all([redis.zcard(`${keys.prefix}:ended`), redis.hgetall(keys.bytes)]);
      return { records, bytes: Object.fromEntries(Object.entries(bytes).map(([what, n]) => [what, Number(n)])) };
    },
    usedMemory: async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]),
    async submit(load, seconds, each = () => Promise.resolve()) {
      const look = () => ({
        usage: new Map(sluice.processes().map((named) => [named.name, usageOf(named)?.cpuMicros ?? 0])),
        generator: usageOf({ name: 'generator', pid: generator.pid })?.cpuMicros ?? 0,
        machine: machineCpuMicros(),
      });
      const timer = setInterval(() => void each(), 1_000);
      const settings = { target, load, warmupMs: 2_000, windowMs: seconds * 1_000 };
      const { summary, before, after } = await generator.run(settings, look);
      clearInterval(timer);
      const cpuMicros: Record<string, number> = {};
      let ours = after.generator - before.generator;
      for (const [name, micros] of after.usage) {
        const spent = micros - (before.usage.get(name) ?? micros);
        cpuMicros[name] = spent / Math.max(1, summary.completed);
        ours += spent;
      }
      const othersCores = (after.machine - before.machine - ours) / 1_000 / summary.windowMs;
      return { summary, cpuMicros, othersCores };
    },
  });
  redis.disconnect();
  await generator.stop();
  await sluice.stop();
}

async function rate(workload: Workload): Promise<void> {
  const seconds = number('seconds', '60');
  const load: Load =
    values.callers === undefined
      ? { kind: 'rate', perSecond: number('rate', '1600') }
      : { kind: 'callers', callers: number('callers', '32') };
  await withSluice(workload, { workers: 1 }, async ({ submit, backlog, kept, usedMemory }) => {
    const empty = await usedMemory();
    await submit({ kind: 'callers', callers: 32 }, 4);
    while ((await backlog()) > 0) await delay(100);
    const backlogs: number[] = [];
    const done = await submit(load, seconds, async () => void backlogs.push(await backlog()));
    report(done);
    print(`  backlog each second: most ${Math.max(...backlogs)}, last ${backlogs.at(-1)}, ${backlogs.join(' ')}`);
    const began = performance.now();
    while ((await backlog()) > 0) await delay(20);
    print(`  all ended ${Math.round(performance.now() - began)} ms after the last submission`);
    const { records, bytes } = await kept();
    const counted = Object.entries(bytes).map(([what, count]) => `${what} ${megabytes(count)}`);
    print(`  Redis holds ${megabytes((await usedMemory()) - empty)} MB for ${records} that have ended; counted MB:`);
    print(`  ${counted.join(', ')}`);
  });
}

async function pending(workload: Workload): Promise<void> {
  const count = number('count', '20000');
  await withSluice(workload, { workers: 1 }, async ({ sluice, submit, backlog, usedMemory }) => {
    await submit({ kind: 'callers', callers: 16 }, 1);
    while ((await backlog()) > 0) await delay(100);
    for (const { name, pid } of sluice.processes()) if (name === 'worker') process.kill(pid, 'SIGSTOP');
    const before = await usedMemory();
    while ((await backlog()) < count) await submit({ kind: 'callers', callers: 32 }, 1);
    const waiting = await backlog();
    const each = ((await usedMemory()) - before) / waiting;
    const input = values.small ? 48 : 28 * 28 * 4 + 32;
    print(
      `${waiting} pending: ${Math.round(each)} bytes each, ${Math.round(each - input)} beside an input of ${input}`,
    );
    for (const { name, pid } of sluice.processes()) if (name === 'worker') process.kill(pid, 'SIGKILL');
  });
}

async function flat(workload: Workload): Promise<void> {
  const perSecond = number('rate', '1500');
  const count = number('count', '200000');
  const retention = String(number('retention', '60') * 1_000);
  const settings = { SLUICE_RETENTION_MS: retention, SLUICE_RECORD_RETENTION_MS: retention };
  await withSluice(workload, { workers: 1, settings }, async ({ sluice, submit, backlog, usedMemory }) => {
    let ticks = 0;
    const done = await submit({ kind: 'rate', perSecond }, count / perSecond, async () => {
      if (++ticks % 10 !== 0) return;
      const resident = sluice.processes().map(({ name, pid }) => `${name} ${residentMb(pid)}`);
      const redisMb = megabytes(await usedMemory());
      print(`  ${ticks} s: Redis ${redisMb} MB used, backlog ${await backlog()}; resident MB: ${resident.join(', ')}`);
    });
    report(done);
  });
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}

function residentMb(pid: number): number {
  return Math.round(usageOf({ name: '', pid })?.rssMb ?? 0);
}

function report({ summary, cpuMicros, othersCores }: Submitted): void {
  const { completed, windowMs, failures, reasons, latency } = summary;
  const total = Object.values(cpuMicros).reduce((sum, micros) => sum + micros, 0);
  print(
    `${(completed / (windowMs / 1_000)).toFixed(0)}/s acknowledged for ${windowMs / 1_000} s, ${failures} failed ${reasons[0] ?? ''}`,
  );
  print(`  acknowledged after p50 ${latency.p50Ms.toFixed(1)} ms, p99 ${latency.p99Ms.toFixed(1)} ms`);
  const parts = Object.entries(cpuMicros).map(([name, micros]) => `${name} ${micros.toFixed(0)}`);
  print(`  CPU ${total.toFixed(0)} us each: ${parts.join(', ')} (others: ${othersCores.toFixed(2)} cores)`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
