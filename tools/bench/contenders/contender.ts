/** What is compared: HTTP services that answer the same question, and the bare engine loop as the limit of them all. */
import type { Children } from '../processes/children.js';
import type { NamedProcess } from '../processes/process-usage.js';
import type { RedisProgram } from '../../../apps/cli/src/redis/redis-program.js';
import type { Workload } from '../workloads.js';

export const CONTENDER_NAMES = ['bare', 'fastify', 'bullmq', 'bullmq-32', 'sluice'] as const;
export type ContenderName = (typeof CONTENDER_NAMES)[number];
export type ServiceName = Exclude<ContenderName, 'bare'>;

export interface BenchContext {
  children: Children;
  redis: RedisProgram;
  scratch: string;
  cpus: number;
}

/** A started service. Nothing of it is left after `stop`. */
export interface RunningService {
  port: number;
  path: string;
  processes(): NamedProcess[];
  stop(): Promise<void>;
}

export interface Service {
  name: ServiceName;
  /** In a few words, for whoever reads the results. */
  description: string;
  start(workload: Workload, context: BenchContext): Promise<RunningService>;
}

/** Settings of the programs in this folder. */
export interface ProgramSettings {
  packageDir: string;
  contentType: string;
  bodyFile: string;
  threads: number;
  redisUrl: string;
  /** Jobs that a worker of one job per request has in hand. */
  concurrency?: number;
}

export type FromProgram = { kind: 'ready'; port: number };
