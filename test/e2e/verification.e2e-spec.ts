// Proves: what is registered is verified by some worker, whatever becomes of the worker that took it first, and nothing of
// a verification is left when it is over.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import {
  CheckQueue,
  ingest,
  keysUnder,
  PackageStore,
  RedisClock,
  Registry,
  RegistryReader,
  type RegistrationDetails,
} from '#inference';
import { REFUSED } from '../fixtures/bad-models.js';
import { LIMITED } from '../fixtures/limited-models.js';
import { fixtureModel, TemporaryPackages } from '../fixtures/packages.js';
import { Child } from '../support/child.js';
import { childrenOf, isAlive } from '../support/processes.js';
import { until } from '../support/until.js';

const packages = new TemporaryPackages();
const root = mkdtempSync(join(tmpdir(), 'verification-'));
const url = process.env['SLUICE_TEST_REDIS_URL']!;
const prefix = `{test-verification-${process.pid}}`;
const redis = new Redis(url);
const keys = keysUnder(prefix);
const clock = new RedisClock(redis);
const registry = new Registry(redis, keys, clock);
const reader = new RegistryReader(redis, keys);
const queue = new CheckQueue(redis, keys);
const workers: Child[] = [];

beforeAll(async () => {
  for (const folder of ['models', 'store', 'tmp']) mkdirSync(join(root, folder));
  await clock.start();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  expect(leftBehind()).toEqual([]);
});
afterAll(async () => {
  await queue.close();
  clock.stop();
  redis.disconnect();
  packages.remove();
  rmSync(root, { recursive: true });
});

const leftBehind = (): string[] => readdirSync(join(root, 'tmp')).filter((name) => name.startsWith('sluice-verify-'));

function startWorker(env: Record<string, string> = {}): Child {
  const worker = new Child('dist/apps/worker/src/main.js', {
    REDIS_URL: url,
    SLUICE_PREFIX: prefix,
    SLUICE_MODELS: join(root, 'models'),
    SLUICE_STORE: join(root, 'store'),
    SLUICE_EXECUTORS: '1',
    SLUICE_WORKER_PORT: '0',
    SLUICE_CHECK_MEMORY_BYTES: String(1024 * 1024 * 1024),
    TMPDIR: join(root, 'tmp'),
    ...env,
  });
  workers.push(worker);
  return worker;
}

/** As a gateway does. */
async function register(folder: string): Promise<{ name: string; version: string }> {
  const store = await PackageStore.open(join(root, 'store'));
  const { name, version, digest, bytes, files, manifest } = await ingest(store, { path: folder });
  const registered = await registry.register({
    head: { name, version, digest, bytes, source: 'path', by: 'public' },
    files,
    manifest,
    desired: 'unloaded',
    promote: false,
  });
  if (registered.kind !== 'new') throw new Error(registered.kind);
  await queue.add({ name, version, digest, check: registered.check });
  return { name, version };
}

async function settled(of: { name: string; version: string }, withinMs = 60_000): Promise<RegistrationDetails> {
  let found: RegistrationDetails | undefined;
  await until(
    `${of.name} is verified`,
    async () => {
      found = await reader.details(of);
      return found?.registration.state === 'available' || found?.registration.state === 'failed';
    },
    withinMs,
  );
  return found!;
}

const verifying = (of: { name: string; version: string }): Promise<void> =>
  until('it is verified', async () => (await reader.details(of))?.registration.state === 'verifying');

/** The child in which a worker verifies; its executor has been there since before. */
async function verifierOf(worker: Child): Promise<number> {
  let found: number | undefined;
  const executors = childrenOf(worker.pid);
  await until('the child is there', () => {
    found = childrenOf(worker.pid).find((pid) => !executors.includes(pid));
    return found !== undefined;
  });
  return found!;
}

/** Does not end within any test. */
async function endless(name: string): Promise<{ name: string; version: string }> {
  const { bytes } = REFUSED.find((model) => model.name === 'loop')!;
  return register(packages.make(name, { 'model.onnx': bytes }, { runTimeoutMs: 3_600_000 }));
}

it('a good package becomes available, with its report, its facts and its description', async () => {
  const worker = startWorker();
  const of = await register(fixtureModel('tiny_classifier'));
  const { registration, report } = await settled(of);
  const { digest } = registration.head;
  expect(registration).toMatchObject({ state: 'available', facts: { rowsMix: false } });
  expect(registration.description).toMatchObject({ name: 'tiny_classifier', checksum: digest });
  expect(report).toMatchObject({ outcome: 'passed', worker: expect.stringMatching(/^w/) });
  await worker.logged(/package verified/);
});

it('a bad package fails with the reason, a limited one says so, and both leave the worker well', async () => {
  const worker = startWorker();
  const bad = REFUSED.find(({ name }) => name === 'norm')!;
  const limited = LIMITED.find(({ name }) => name === 'centred')!;
  const refused = await register(packages.make('bad', { 'model.onnx': bad.bytes }));
  const slowed = await register(packages.make('limited', { 'model.onnx': limited.bytes }));
  expect((await settled(refused)).registration).toMatchObject({
    state: 'failed',
    reason: expect.stringMatching(bad.says),
  });
  expect((await settled(slowed)).registration).toMatchObject({
    state: 'available',
    facts: { rowsMix: true },
    description: { maxBatchSize: 1 },
  });
  expect(worker.running).toBe(true);
});

it('a package that is not in the store fails with what to do', async () => {
  startWorker();
  const digest = 'ab'.repeat(32);
  const head = { name: 'absent', version: '1', digest, bytes: 1, source: 'path', by: 'public' };
  await registry.register({ head, files: [], manifest: {}, desired: 'unloaded', promote: false });
  await queue.add({ name: 'absent', version: '1', digest, check: 0 });
  const { registration } = await settled({ name: 'absent', version: '1' });
  expect(registration.reason).toMatch(/SLUICE_GATEWAY_URL.*Then register the package again/);
});

it('a worker that is told to stop gives its verification back, and another one makes it', async () => {
  const first = startWorker();
  await first.logged(/executor ready/);
  const of = await endless('handed');
  const child = await verifierOf(first);
  const began = Date.now();
  expect(await first.stop()).toEqual({ code: 0, signal: null });
  expect(Date.now() - began).toBeLessThan(15_000);
  expect(isAlive(child)).toBe(false);
  expect(leftBehind()).toEqual([]);
  const second = startWorker({ SLUICE_CHECK_TIMEOUT_MS: '5000' });
  await second.logged(/"losses":0,.*a package is verified/);
  expect((await settled(of)).registration.reason).toMatch(/broken off after 5 s during/);
});

it('a verification that ends its worker three times is ended itself', async () => {
  let of: { name: string; version: string } | undefined;
  for (let losses = 0; losses < 3; losses++) {
    const worker = startWorker();
    await worker.logged(/executor ready/);
    of ??= await endless('deadly');
    await worker.logged(new RegExp(`"losses":${losses},.*a package is verified`));
    await verifying(of);
    const child = await verifierOf(worker);
    worker.kill('SIGKILL');
    await worker.exited;
    // Nobody is there to kill it: it sees for itself that it is alone, and takes its folder with it.
    await until('the child is gone', () => !isAlive(child));
    expect(leftBehind()).toEqual([]);
  }
  startWorker();
  const { registration, report } = await settled(of!);
  expect(registration.reason).toMatch(/^The verification ended 3 workers, one after the other/);
  expect(report?.checks[0]).toMatchObject({ check: 'files', status: 'failed' });
}, 120_000);
