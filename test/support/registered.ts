/**
 * Registered versions for tests of workers: packages put into a store and registered, verified by nobody, as the
 * registry's own scripts see it. And what the workers make of them.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import {
  FleetReader,
  ingest,
  keysUnder,
  modelKey,
  PackageStore,
  Registry,
  type Desire,
  type Heartbeat,
  type Ingested,
  type ModelDescription,
  type ServedVersion,
  type VerifiedFacts,
} from '#inference';
import type { Stack } from './stack.js';
import { until } from './until.js';

export interface NewModel {
  name: string;
  version: string;
  /** Folder of its files, or its model file. */
  from: string | Buffer;
  description: Pick<ModelDescription, 'inputs' | 'outputs'>;
  manifest?: object;
  facts?: Partial<VerifiedFacts>;
  desired?: Desire;
}

const x = (name: string, width: number) => ({ name, dtype: 'float32' as const, shape: [null, width] });

/** Fixtures that take four numbers and give one. */
export const ROW_SUM = {
  from: 'test/fixtures/models/row_sum/1',
  description: { inputs: [x('x', 4)], outputs: [x('sum', 1)] },
};
export const SLOW = {
  from: 'test/fixtures/models/slow/1',
  description: { inputs: [x('x', 4)], outputs: [x('y', 4)] },
};
export const wide = (width: number, layers: number): NewModel['description'] => ({
  inputs: [x('x', width)],
  outputs: [x(`y${layers}`, width)],
});

export class RegisteredModels {
  readonly storeDir: string;
  readonly redis: Redis;
  readonly registry: Registry;
  private readonly fleet: FleetReader;
  private readonly top = mkdtempSync(join(tmpdir(), 'registered-'));
  private opened: Promise<PackageStore> | undefined;

  constructor({ redisUrl, prefix }: Pick<Stack, 'redisUrl' | 'prefix'>) {
    this.storeDir = join(this.top, 'store');
    this.redis = new Redis(redisUrl);
    const keys = keysUnder(prefix);
    const clock = { now: () => Date.now() };
    this.registry = new Registry(this.redis, keys, clock);
    this.fleet = new FleetReader(this.redis, keys, clock);
  }

  get store(): Promise<PackageStore> {
    return (this.opened ??= PackageStore.open(this.storeDir));
  }

  /** Puts it into the store and registers it. */
  async add(model: NewModel): Promise<Ingested> {
    const package_ = await this.pack(model);
    await this.register(model, package_);
    return package_;
  }

  /** Registers it and waits until a worker has it. */
  async serve(model: NewModel): Promise<void> {
    const { name, version } = model;
    await this.add(model);
    await until(`${name}:${version} is ready`, async () => (await this.states(name, version)).includes('ready'));
  }

  async pack({ name, version, from, manifest }: NewModel): Promise<Ingested> {
    const folder = join(this.top, 'packages', name, version);
    mkdirSync(folder, { recursive: true });
    if (typeof from === 'string') cpSync(from, folder, { recursive: true });
    else writeFileSync(join(folder, 'model.onnx'), from);
    if (manifest) writeFileSync(join(folder, 'model.json'), JSON.stringify({ name, version, ...manifest }));
    return ingest(await this.store, { path: folder }, { name, version });
  }

  async register(
    { name, version, description, facts, desired = 'loaded' }: NewModel,
    { digest, files }: Pick<Ingested, 'digest' | 'files'>,
  ): Promise<void> {
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const head = { name, version, digest, bytes, source: 'upload', by: 'public' };
    await this.registry.register({ head, files, manifest: {}, desired, promote: false });
    const ref = { name, version, digest, check: 0 };
    await this.registry.beginCheck(ref);
    const whole: ModelDescription = {
      v: 1,
      name,
      version,
      task: 'tensor',
      ...description,
      batched: true,
      maxBatchSize: 32,
      maxDelayMs: 0,
      checksum: digest,
    };
    await this.registry.endCheck(ref, {
      report: { v: 1, outcome: 'passed', started: 0, ms: 1, checks: [] },
      passed: { facts: { rowsMix: false, memoryBytes: 0, ...facts }, description: whole },
    });
  }

  beats(): Promise<Heartbeat[]> {
    return this.fleet.workers();
  }

  /** What each worker says of a version, those that do not know it left out. */
  async on(name: string, version: string): Promise<ServedVersion[]> {
    const key = modelKey(name, version);
    return (await this.beats()).flatMap((beat) =>
      beat.versions.filter((served) => modelKey(served.name, served.version) === key),
    );
  }

  async states(name: string, version: string): Promise<string[]> {
    return (await this.on(name, version)).map(({ state }) => state);
  }

  async close(): Promise<void> {
    await this.redis.quit();
    rmSync(this.top, { recursive: true, force: true });
  }
}
