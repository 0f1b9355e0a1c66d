/**
 * Two versions of one classifier, such as a quantized one and its original, served side by side and loaded in turn.
 *
 *   npm run --silent build && node dist/tools/bench/versions.js MODELS NAME BEFORE AFTER [--image FILE] [--callers N]
 *     [--seconds N] [--rounds N]
 *
 * One gateway and one worker as `npm start` runs them. In every round each version gets its seconds, in an order that
 * turns, so that a machine that gets slower is slower for both; medians of the rounds count. The CPU time of a request
 * is that of gateway, worker, executors and Redis: it says what the machine could do where other work disturbs it.
 */
import { copyFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadWorkerConfig } from '#inference';
import { sluiceService } from './contenders/sluice.js';
import { LoadGenerator } from './load/load-generator.js';
import { positive } from './options.js';
import { makePicture } from './picture.js';
import { machineCpuMicros, usageOf, type NamedProcess } from './processes/process-usage.js';
import { benchProgram } from './processes/program.js';
import { findRedis } from './processes/redis.js';
import { median } from './report/medians.js';
import type { Workload } from './workloads.js';

interface Usage {
  machine: number;
  service: number;
  generator: number;
}

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { image: text, callers: text, seconds: text, rounds: text },
});
const [models, name, ...versions] = positionals;
if (models === undefined || name === undefined || versions.length !== 2) {
  throw new Error('Expected MODELS NAME BEFORE AFTER: a folder of packages, a name in it, and two of its versions.');
}
const callers = positive('--callers', values.callers ?? '16');
const windowMs = positive('--seconds', values.seconds ?? '5') * 1_000;
const rounds = positive('--rounds', values.rounds ?? '5');

const { scratch, children, run } = await benchProgram('versions');
await run(compare);

async function compare(): Promise<void> {
  const bodyFile = join(scratch, 'body.jpg');
  if (values.image === undefined) await writeFile(bodyFile, await makePicture());
  else await copyFile(values.image, bodyFile);
  const workload = await workloadOf(bodyFile);
  const cpus = loadWorkerConfig({}).executors;
  const service = await sluiceService.start(workload, { children, redis: await findRedis(), scratch, cpus });
  const generator = await LoadGenerator.start(children);
  const perSecond: number[][] = [[], []];
  const cpuMs: number[][] = [[], []];
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const which of order) {
      const path = `/predict/${name}/${versions[which]}`;
      const target = { port: service.port, path, contentType: 'image/jpeg', bodyFile, marker: '"prediction"' };
      const micros = (each: NamedProcess): number => usageOf(each)?.cpuMicros ?? 0;
      const look = (): Usage => ({
        machine: machineCpuMicros(),
        service: sum(service.processes().map(micros)),
        generator: micros({ name: 'generator', pid: generator.pid }),
      });
      const settings = { target, load: { kind: 'callers', callers } as const, warmupMs: 500, windowMs };
      const { summary, before, after } = await generator.run(settings, look);
      if (summary.failures > 0) throw new Error(`${path}: ${summary.failures} failures: ${summary.reasons[0]}`);
      const spent = after.service - before.service;
      const others = after.machine - before.machine - spent - (after.generator - before.generator);
      const cores = (others / 1_000 / summary.windowMs).toFixed(2);
      const rate = summary.completed / (summary.windowMs / 1_000);
      const cpu = spent / 1_000 / summary.completed;
      const said = `${rate.toFixed(1)}/s  p50 ${summary.latency.p50Ms.toFixed(0)} ms  CPU ${cpu.toFixed(1)} ms each`;
      print(`${round === 0 ? 'warm-up' : `round ${round}`}  ${path}  ${said}  (others: ${cores} cores)`);
      if (round === 0) continue;
      perSecond[which]!.push(rate);
      cpuMs[which]!.push(cpu);
    }
  }
  print(`medians of ${rounds} rounds, ${callers} callers:`);
  const [slow, fast] = perSecond.map(median) as [number, number];
  print(`  ${slow.toFixed(1)}/s and ${fast.toFixed(1)}/s: ${(fast / slow).toFixed(2)} x`);
  const [dear, cheap] = cpuMs.map(median) as [number, number];
  print(`  CPU ${dear.toFixed(1)} ms and ${cheap.toFixed(1)} ms a request: ${(dear / cheap).toFixed(2)} x`);
  await generator.stop();
  await service.stop();
}

async function workloadOf(bodyFile: string): Promise<Workload> {
  const modelsDir = resolve(models!);
  return {
    name: 'image',
    model: name!,
    packageDir: join(modelsDir, name!, versions[0]!),
    modelsDir,
    bodyFile,
    bodyBytes: (await stat(bodyFile)).size,
    contentType: 'image/jpeg',
    callers: [callers],
    heatCallers: callers,
    bareBatch: 1,
  };
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
