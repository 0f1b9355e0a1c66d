/** Under which conditions figures were taken: without them no figure means anything. Names no path of the machine. */
import { readFile } from 'node:fs/promises';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import type { RedisProgram } from '../../apps/cli/src/redis/redis-program.js';
import type { BenchOptions } from './options.js';
import { inRepository } from './repository.js';
import type { Workload } from './workloads.js';

const LIBRARIES = ['onnxruntime-node', 'sharp', 'bullmq', 'ioredis', 'fastify', '@nestjs/core'];

export interface Conditions {
  date: string;
  node: string;
  system: string;
  cpu: string;
  cpus: number;
  memoryGb: number;
  /** Other work on the machine, when the benchmark began. */
  loadAverage: number;
  redis: string;
  persistence: string;
  libraries: Record<string, string>;
  workloads: { name: string; model: string; bodyBytes: number; contentType: string }[];
  options: Omit<BenchOptions, 'out' | 'models' | 'image' | 'callers'>;
}

export interface ConditionParts {
  options: BenchOptions;
  redis: RedisProgram;
  workloads: Workload[];
  cpus: number;
}

export async function conditionsOf({ options, redis, workloads, cpus: usable }: ConditionParts): Promise<Conditions> {
  const { seconds, heatSeconds, warmupSeconds, rounds, contenders, rates } = options;
  const versions = await Promise.all(LIBRARIES.map(async (name) => [name, await versionOf(name)] as const));
  return {
    date: new Date().toISOString(),
    node: process.version,
    system: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: usable,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    loadAverage: Math.round(loadavg()[0]! * 100) / 100,
    redis: redis.kind === 'binary' ? redis.version : redis.image,
    persistence: 'append-only file, appendfsync everysec, no snapshots',
    libraries: Object.fromEntries(versions),
    workloads: workloads.map(({ name, model, bodyBytes, contentType }) => ({ name, model, bodyBytes, contentType })),
    options: { seconds, heatSeconds, warmupSeconds, rounds, workloads: options.workloads, contenders, rates },
  };
}

async function versionOf(library: string): Promise<string> {
  const text = await readFile(inRepository(`node_modules/${library}/package.json`), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
