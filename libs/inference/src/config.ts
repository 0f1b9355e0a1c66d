/**
 * Every setting of every process, read once from the environment and frozen. Nothing else reads process.env.
 * Each line below is a row of docs/config.md; a test compares the two.
 */
import { availableParallelism, tmpdir } from 'node:os';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { cidrs, flag, httpUrl, integer, listOf, sources } from './config/fields.js';
import { cpuQuota } from './cpu-quota.js';
import { PAYLOADS } from './contract/delivery.js';
import { DEFAULT_SCHEDULE, parseSchedule } from './webhooks/schedule.js';
import { secretBytes } from './webhooks/signature.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const common = {
  /** Where Redis is: redis://, rediss:// or unix path. */
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  /** Prefix of every key; two installations on one Redis need two. Keep the braces for Redis Cluster. */
  SLUICE_PREFIX: z.string().min(1).max(64).default('{sluice}'),
  /** How much is logged; `debug` writes a line per prediction. */
  SLUICE_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
};

const gateway = {
  ...common,
  /** TCP port of the HTTP API. */
  PORT: integer(0, 65_535).default(8080),
  /** Address the HTTP API listens on; 0.0.0.0 opens it to the network. */
  SLUICE_HOST: z.string().default('127.0.0.1'),
  /** File of API keys, a line `<owner> sha256:<hex> [scopes]` each, read again when it changes; unset: no key is asked for. */
  SLUICE_API_KEYS: z.string().optional(),
  /** Address on which models are managed, beside the machine's own loopback; another one needs a key with the scope admin. */
  SLUICE_ADMIN_HOST: z
    .string()
    .default('127.0.0.1')
    .refine((text) => ipaddr.isValid(text), 'an IP address as 127.0.0.1 or 0.0.0.0 was expected'),
  /** Model of `POST /predict`; unset: the only model served, if there is just one. */
  SLUICE_DEFAULT_MODEL: z.string().optional(),
  /** Largest request body in bytes; more is a 413. */
  SLUICE_MAX_BODY_BYTES: integer(1_024, 1_073_741_824).default(8 * 1024 * 1024),
  /** Largest JSON body in bytes; parsing blocks the gateway (about 10 ms per MB), so it is tighter than other bodies. */
  SLUICE_MAX_JSON_BYTES: integer(1_024, 1_073_741_824).default(4 * 1024 * 1024),
  /** Largest upload of rows of a bulk run in bytes, and all files of an archive unpacked; more is a 413, and more requests. */
  SLUICE_MAX_BATCH_BYTES: integer(1_024, 2 ** 40).default(1024 * 1024 * 1024),
  /** Folder for archives while they are read; unset: the system's temporary folder. */
  SLUICE_SPOOL_DIR: z.string().optional(),
  /** Bytes that archives may take there at once, over all uploads of one gateway; more is a 503. */
  SLUICE_MAX_SPOOL_BYTES: integer(1_024, 2 ** 44).default(1024 * 1024 * 1024),
  /** Predictions that one gateway holds at once; more is a 503 at once. */
  SLUICE_MAX_IN_FLIGHT: integer(1, 1_000_000).default(1_024),
  /** Bytes of request bodies that one gateway holds at once; more is a 503 at once. */
  SLUICE_MAX_IN_FLIGHT_BYTES: integer(1_024, 2 ** 40).default(256 * 1024 * 1024),
  /** Milliseconds a caller is given when he names no X-Request-Timeout. */
  SLUICE_REQUEST_TIMEOUT_MS: integer(1, 3_600_000).default(30_000),
  /** Longest X-Request-Timeout that is accepted, in milliseconds. */
  SLUICE_MAX_REQUEST_TIMEOUT_MS: integer(1, 86_400_000).default(300_000),
  /** Milliseconds after which a command to Redis counts as failed; shorter refuses sooner when Redis hangs. */
  SLUICE_REDIS_TIMEOUT_MS: integer(50, 60_000).default(2_000),
  /** Milliseconds a durable prediction has when it names no Cancel-After; then it ends as aborted or canceled. */
  SLUICE_DURABLE_TIMEOUT_MS: integer(1_000, 2_592_000_000).default(86_400_000),
  /** Runs of a durable prediction whose failures another try may mend; then it is a dead letter. */
  SLUICE_DURABLE_ATTEMPTS: integer(1, 100).default(3),
  /** Milliseconds that inputs and outputs of durable predictions are kept after their end. */
  SLUICE_RETENTION_MS: integer(1_000, 31_536_000_000).default(86_400_000),
  /** Milliseconds that the records themselves are kept after their end; never less than their data. */
  SLUICE_RECORD_RETENTION_MS: integer(1_000, 31_536_000_000).default(604_800_000),
  /**
   * Share of Redis' maxmemory for durable predictions; the oldest of what has ended goes first. Records may take a quarter
   * of it more where what has not ended fills it.
   */
  SLUICE_STORAGE_SHARE: z.coerce.number().gt(0).max(0.7).default(0.5),
  /** Signs webhooks to endpoints without a secret of their own: `whsec_` and the base64 of 24-64 bytes. Never logged. */
  SLUICE_WEBHOOK_SECRET: z
    .string()
    .refine((text) => secretBytes(text) !== undefined, 'whsec_ and the base64 of 24 to 64 bytes was expected')
    .optional(),
  /** CIDRs, by comma, that webhooks may reach although they are not public, there by http and on any port too. */
  SLUICE_WEBHOOK_ALLOW_CIDRS: cidrs.optional(),
  /** Pauses before the attempts of a delivery, by comma; the last is the last attempt. */
  SLUICE_WEBHOOK_SCHEDULE: z
    .string()
    .default(DEFAULT_SCHEDULE)
    .refine((text) => parseSchedule(text) !== undefined, 'durations as 0,5s,5m,2h were expected, 32 at most'),
  /** Milliseconds that a receiver has to answer, all in all. */
  SLUICE_WEBHOOK_TIMEOUT_MS: integer(100, 60_000).default(15_000),
  /** What a webhook carries where its endpoint says nothing: the whole prediction, or its id and status. */
  SLUICE_WEBHOOK_PAYLOAD: z.enum(PAYLOADS).default('full'),
  /** Milliseconds between turning unready on SIGTERM and closing the port, so that balancers notice. */
  SLUICE_LAME_DUCK_MS: integer(0, 60_000).default(1_000),
  /** Readers of events (SSE) that one gateway holds at once; more is a 503 at once. */
  SLUICE_MAX_EVENT_STREAMS: integer(1, 100_000).default(1_000),
  /** What URLs in answers and webhooks begin with, without a slash at the end; unset: the caller's own Host, and paths in webhooks. */
  SLUICE_PUBLIC_URL: httpUrl.optional(),
  /** Milliseconds that accepted predictions have to finish after SIGTERM. */
  SLUICE_DRAIN_MS: integer(0, 600_000).default(35_000),
  /** Folder of registered packages and of uploads on their way; a volume that all gateways share, where there are several. */
  SLUICE_STORE: z.string().default('.sluice/store'),
  /** Largest model package in bytes, as it is sent and unpacked; more is a 422. */
  SLUICE_MAX_PACKAGE_BYTES: integer(1_024, 2 ** 44).default(2 * 1024 * 1024 * 1024),
  /** Bytes that the store may take on disk, uploads on their way included; more is a 503. */
  SLUICE_STORE_MAX_BYTES: integer(1_024, 2 ** 50).default(64 * 1024 * 1024 * 1024),
  /** URLs, by comma, below which packages may be fetched when they are registered; unset: none is ever fetched. */
  SLUICE_PACKAGE_SOURCES: sources.optional(),
  /** CIDRs, by comma, that packages may be fetched from although they are not public, there by http and on any port too. */
  SLUICE_PACKAGE_ALLOW_CIDRS: cidrs.optional(),
};

const worker = {
  ...common,
  /** Folder of model packages, `<name>/<version>/` each. */
  SLUICE_MODELS: z.string().default('models'),
  /** Folder of registered packages: the gateways' own, as a shared volume, or one of this worker's, which it fills from them. */
  SLUICE_STORE: z.string().default('.sluice/store'),
  /** Gateway that packages are fetched from which are not in the store; unset: the store is shared, and all are there. */
  SLUICE_GATEWAY_URL: httpUrl.optional(),
  /** Key that packages are fetched with, of the scope `worker`. */
  SLUICE_WORKER_KEY: z.string().optional(),
  /** Bytes of memory for models, all executors together; unset: every version that is to be loaded is. */
  SLUICE_MODEL_MEMORY: integer(1_048_576, 2 ** 50).optional(),
  /** Executor processes, each with a compute thread pool of its own; unset: one per CPU. */
  SLUICE_EXECUTORS: integer(1, 256).optional(),
  /**
   * Executors for bulk rows, which the system serves last; they begin when there are some; 0: bulk rows run in callers' executors.
   * Unset: as many as executors, or 0 with another provider than the CPU or with SLUICE_MODEL_MEMORY.
   */
  SLUICE_BULK_EXECUTORS: integer(0, 256).optional(),
  /** Whether each executor runs on processors of its own, as many as it has threads. Linux, with taskset. */
  SLUICE_PIN_EXECUTORS: flag,
  /** Compute threads of each executor; executors x threads above the CPUs costs throughput. */
  SLUICE_THREADS: integer(1, 256).default(1),
  /** onnxruntime execution providers in order of preference, by comma; one that is not there stops the start. */
  SLUICE_PROVIDERS: z
    .string()
    .default('cpu')
    .transform((text) => text.split(',').map((name) => name.trim().toLowerCase()))
    .pipe(z.array(z.string().regex(/^[a-z0-9]+$/)).min(1)),
  /** Serve models of which the CPU runs nodes although another provider was asked for; else they are refused. */
  SLUICE_CPU_FALLBACK: flag,
  /** TCP port of the worker's health and metrics; 0 takes any free one. */
  SLUICE_WORKER_PORT: integer(0, 65_535).default(8081),
  /** Address of the worker's health and metrics. */
  SLUICE_WORKER_HOST: z.string().default('127.0.0.1'),
  /** Longest run of bulk rows alone, in milliseconds, or one row: callers who come meanwhile wait for it. */
  SLUICE_BULK_RUN_MS: integer(1, 60_000).default(50),
  /** Milliseconds that batches have to finish after SIGTERM before the worker gives its packs back. */
  SLUICE_WORKER_DRAIN_MS: integer(0, 600_000).default(20_000),
  /** Milliseconds that the verification of a package may take; longer, and the package is refused. */
  SLUICE_CHECK_TIMEOUT_MS: integer(5_000, 3_600_000).default(120_000),
  /** Bytes that the process of a verification may take; a model that needs more is refused. */
  SLUICE_CHECK_MEMORY_BYTES: integer(512 * 1024 * 1024, 2 ** 44).default(4 * 1024 * 1024 * 1024),
};

const serve = {
  ...common,
  REDIS_URL: z.string().optional(),
  PORT: integer(0, 65_535).optional(),
  SLUICE_MODELS: z.string().default('models'),
  /** Folder of `npm start`'s own state: the private Redis, its data, its log. */
  SLUICE_DATA: z.string().default('.sluice'),
  /** `maxmemory` of the Redis that `npm start` runs, in bytes. */
  SLUICE_REDIS_MAX_MEMORY: integer(16 * 1024 * 1024, 2 ** 44).default(1024 * 1024 * 1024),
};

const client = {
  /** Gateway that commands speak to. */
  SLUICE_URL: httpUrl.default('http://127.0.0.1:8080'),
  /** API key that they send, where the gateway has keys. */
  SLUICE_API_KEY: z.string().optional(),
};

export const SETTINGS = { gateway, worker, serve, client };

export type GatewayConfig = Readonly<ReturnType<typeof loadGatewayConfig>>;
export type WorkerConfig = Readonly<ReturnType<typeof loadWorkerConfig>>;
export type ServeConfig = Readonly<ReturnType<typeof loadServeConfig>>;

export function loadGatewayConfig(env: NodeJS.ProcessEnv = process.env) {
  const s = parse(gateway, env);
  return Object.freeze({
    redisUrl: s.REDIS_URL,
    prefix: s.SLUICE_PREFIX,
    logLevel: s.SLUICE_LOG_LEVEL,
    port: s.PORT,
    host: s.SLUICE_HOST,
    apiKeysFile: s.SLUICE_API_KEYS,
    adminHost: s.SLUICE_ADMIN_HOST,
    defaultModel: s.SLUICE_DEFAULT_MODEL,
    maxBodyBytes: s.SLUICE_MAX_BODY_BYTES,
    maxJsonBytes: s.SLUICE_MAX_JSON_BYTES,
    maxBatchBytes: s.SLUICE_MAX_BATCH_BYTES,
    spoolDir: s.SLUICE_SPOOL_DIR ?? tmpdir(),
    maxSpoolBytes: s.SLUICE_MAX_SPOOL_BYTES,
    maxInFlight: s.SLUICE_MAX_IN_FLIGHT,
    maxInFlightBytes: s.SLUICE_MAX_IN_FLIGHT_BYTES,
    requestTimeoutMs: s.SLUICE_REQUEST_TIMEOUT_MS,
    maxRequestTimeoutMs: s.SLUICE_MAX_REQUEST_TIMEOUT_MS,
    redisTimeoutMs: s.SLUICE_REDIS_TIMEOUT_MS,
    durableTimeoutMs: s.SLUICE_DURABLE_TIMEOUT_MS,
    durableAttempts: s.SLUICE_DURABLE_ATTEMPTS,
    retentionMs: s.SLUICE_RETENTION_MS,
    recordRetentionMs: Math.max(s.SLUICE_RETENTION_MS, s.SLUICE_RECORD_RETENTION_MS),
    storageShare: s.SLUICE_STORAGE_SHARE,
    maxEventStreams: s.SLUICE_MAX_EVENT_STREAMS,
    publicUrl: s.SLUICE_PUBLIC_URL,
    webhookSecret: s.SLUICE_WEBHOOK_SECRET,
    webhookAllowCidrs: listOf(s.SLUICE_WEBHOOK_ALLOW_CIDRS ?? ''),
    webhookSchedule: parseSchedule(s.SLUICE_WEBHOOK_SCHEDULE)!,
    webhookTimeoutMs: s.SLUICE_WEBHOOK_TIMEOUT_MS,
    webhookPayload: s.SLUICE_WEBHOOK_PAYLOAD,
    lameDuckMs: s.SLUICE_LAME_DUCK_MS,
    drainMs: s.SLUICE_DRAIN_MS,
    storeDir: s.SLUICE_STORE,
    maxPackageBytes: s.SLUICE_MAX_PACKAGE_BYTES,
    storeMaxBytes: s.SLUICE_STORE_MAX_BYTES,
    packageSources: listOf(s.SLUICE_PACKAGE_SOURCES ?? ''),
    packageAllowCidrs: listOf(s.SLUICE_PACKAGE_ALLOW_CIDRS ?? ''),
  });
}

export function loadWorkerConfig(env: NodeJS.ProcessEnv = process.env) {
  const s = parse(worker, env);
  const executors = s.SLUICE_EXECUTORS ?? Math.max(1, Math.floor(cpus() / s.SLUICE_THREADS));
  const isOnCpu = s.SLUICE_PROVIDERS.every((name) => name === 'cpu');
  const isUnbudgeted = s.SLUICE_MODEL_MEMORY === undefined;
  return Object.freeze({
    redisUrl: s.REDIS_URL,
    prefix: s.SLUICE_PREFIX,
    logLevel: s.SLUICE_LOG_LEVEL,
    modelsDir: s.SLUICE_MODELS,
    storeDir: s.SLUICE_STORE,
    gatewayUrl: s.SLUICE_GATEWAY_URL,
    workerKey: s.SLUICE_WORKER_KEY,
    modelMemory: s.SLUICE_MODEL_MEMORY,
    executors,
    // More than executors would never run at once. Another device knows no priorities, and memory with a budget is short.
    bulkExecutors: Math.min(executors, s.SLUICE_BULK_EXECUTORS ?? (isOnCpu && isUnbudgeted ? executors : 0)),
    pinExecutors: s.SLUICE_PIN_EXECUTORS,
    threads: s.SLUICE_THREADS,
    providers: s.SLUICE_PROVIDERS,
    cpuFallback: s.SLUICE_CPU_FALLBACK,
    port: s.SLUICE_WORKER_PORT,
    host: s.SLUICE_WORKER_HOST,
    bulkRunMs: s.SLUICE_BULK_RUN_MS,
    drainMs: s.SLUICE_WORKER_DRAIN_MS,
    checkTimeoutMs: s.SLUICE_CHECK_TIMEOUT_MS,
    checkMemoryBytes: s.SLUICE_CHECK_MEMORY_BYTES,
  });
}

export function loadServeConfig(env: NodeJS.ProcessEnv = process.env) {
  const s = parse(serve, env);
  return Object.freeze({
    redisUrl: s.REDIS_URL,
    port: s.PORT,
    dataDir: s.SLUICE_DATA,
    modelsDir: s.SLUICE_MODELS,
    redisMaxMemoryBytes: s.SLUICE_REDIS_MAX_MEMORY,
  });
}

export function loadClientConfig(env: NodeJS.ProcessEnv = process.env) {
  const s = parse(client, env);
  return Object.freeze({ url: s.SLUICE_URL, apiKey: s.SLUICE_API_KEY });
}

/** The environment for a child process: this one's, with `extra` on top. */
export function childEnv(extra: Record<string, string>): NodeJS.ProcessEnv {
  return { ...process.env, ...extra };
}

/** Where the libraries of a device lie, and which device is meant. */
const SANDBOX_NAMES = ['LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES', 'SystemRoot'];

/** The environment for a child that runs what strangers made: nothing of this one's that could be a secret. */
export function sandboxEnv(extra: Record<string, string>): NodeJS.ProcessEnv {
  const kept = SANDBOX_NAMES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...(Object.fromEntries(kept) as NodeJS.ProcessEnv), ...extra };
}

/** CPUs this process may use: the smaller of the affinity mask and the cgroup's quota. */
function cpus(): number {
  return Math.min(availableParallelism(), cpuQuota() ?? Infinity);
}

function parse<T extends z.ZodRawShape>(shape: T, env: NodeJS.ProcessEnv): z.infer<z.ZodObject<T>> {
  const given: Record<string, string | undefined> = {};
  // An empty variable is what compose files and shells leave behind for "not set".
  for (const name of Object.keys(shape)) given[name] = env[name] === '' ? undefined : env[name];
  const result = z.object(shape).safeParse(given);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    const shown = name.endsWith('_SECRET') ? '(not shown)' : JSON.stringify(given[name]);
    return `${name}=${shown}: ${issue.message}`;
  });
  throw new Error(`Settings that cannot be used; see docs/config.md.\n${lines.join('\n')}`);
}
