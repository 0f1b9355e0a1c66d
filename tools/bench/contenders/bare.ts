/** The limit: bare engine loops at once in several processes of one thread each, without HTTP, Redis or any waiting. */
import { fileURLToPath } from 'node:url';
import { childEnv } from '#inference';
import type { Workload } from '../workloads.js';
import type { BareResult, BareSettings, FromBare, ToBare } from './bare-protocol.js';
import type { BenchContext } from './contender.js';

const PROGRAM = fileURLToPath(new URL('./bare-program.js', import.meta.url));

export interface BareOptions {
  processes: number;
  batch: number;
  warmupMs: number;
  windowMs: number;
}

export async function runBare(
  { packageDir, contentType, bodyFile }: Workload,
  { processes, batch, warmupMs, windowMs }: BareOptions,
  { children }: BenchContext,
): Promise<BareResult[]> {
  const settings: BareSettings = { packageDir, contentType, bodyFile, batch, warmupMs, windowMs };
  const loops = Array.from({ length: processes }, () =>
    children.start({ name: 'bare loop', script: PROGRAM, settings, env: childEnv({}) }),
  );
  // Of all of them before any goes: what they share is the cores, at the same time.
  await Promise.all(loops.map((loop) => loop.next<FromBare, 'ready'>('ready')));
  const finished = loops.map((loop) => loop.next<FromBare, 'finished'>('finished'));
  for (const loop of loops) loop.send({ kind: 'go' } satisfies ToBare);
  const results = await Promise.all(finished);
  await Promise.all(loops.map((loop) => loop.stop()));
  return results.map(({ result }) => result);
}
