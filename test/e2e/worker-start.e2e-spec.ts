// Proves: a worker that cannot work as it is told says why, in words that can be acted on, and ends.
import { Child } from '../support/child.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';

const WORKER = 'dist/apps/worker/src/main.js';
const env = (more: Record<string, string>) => ({
  REDIS_URL: process.env['SLUICE_TEST_REDIS_URL']!,
  SLUICE_PREFIX: '{test-worker-start}',
  SLUICE_WORKER_PORT: '0',
  ...more,
});

it('ends with 1 and says how to get a provider that is not there', async () => {
  const worker = new Child(WORKER, env({ SLUICE_PROVIDERS: 'cuda,cpu', SLUICE_EXECUTORS: '1' }));
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect(worker.log).toMatch(/cuda/i);
  expect(worker.log).toMatch(/install|rebuild/i);
});

it('ends with 1 and names the setting that cannot be used', async () => {
  const worker = new Child(WORKER, env({ SLUICE_EXECUTORS: 'many' }));
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect(worker.log).toContain('SLUICE_EXECUTORS="many"');
  expect(worker.log).toContain('docs/config.md');
});

it('ends with 1 when its models folder is not there', async () => {
  const worker = new Child(WORKER, env({ SLUICE_MODELS: 'no-such-folder' }));
  expect((await worker.exited).code).toBe(1);
  expect(worker.log).toContain('no-such-folder');
  expect(worker.log).toContain('SLUICE_MODELS');
});

it('ends with 1 when executors are to be pinned and cannot be', async () => {
  const worker = new Child(WORKER, env({ SLUICE_PIN_EXECUTORS: 'true', PATH: '/nowhere' }));
  expect((await worker.exited).code).toBe(1);
  expect(worker.log).toMatch(/SLUICE_PIN_EXECUTORS.*taskset/);
});

it('uses as many executors as it is told', async () => {
  const stack = await Stack.start({ workerEnv: { SLUICE_EXECUTORS: '3' } });
  expect(stack.workers[0]!.log).toContain('"executors":3');
  await stack.close();
});

it('refuses broken packages by name, with executors that find out one after another', async () => {
  const models = new ModelsFolder().digits();
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) models.file(name, '1', { 'model.onnx': Buffer.alloc(3_000_000, name) });
  const stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '3' }, serves: false });
  try {
    for (const name of names) await stack.workers[0]!.logged(new RegExp(`"model":"${name}:1".*model refused`));
  } finally {
    await stack.close();
    models.remove();
  }
});
