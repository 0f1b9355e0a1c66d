// Proves: a worker says where the nodes of its models lie, serves what lies right and refuses the rest, and a worker
// on a second provider answers from the same queue as one on the CPU.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lackOfWebGpu } from '../fixtures/second-provider.js';
import { ask, seven } from '../support/http.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

/** The placement in a worker's log line about a model. */
async function placementOf(worker: Stack['workers'][number], model: string): Promise<unknown> {
  const [line] = await worker.logged(new RegExp(`\\{[^\\n]*"model":"${model}"[^\\n]*nodes placed[^\\n]*`));
  return (JSON.parse(line) as { placement: unknown }).placement;
}

let stack: Stack;
afterEach(() => stack.close());

it('says "cpu" of a model where nothing else was asked for', async () => {
  stack = await Stack.start({ workerEnv: { SLUICE_EXECUTORS: '2' } });
  const [worker] = stack.workers;
  expect(await placementOf(worker!, 'digits:1')).toEqual({ kind: 'cpu' });
  expect(worker!.log.match(/nodes placed/g)).toHaveLength(1);
});

const lack = lackOfWebGpu();
if (lack === undefined) describe('a worker for WebGPU', withWebGpu);
else it(`leaves out: a worker on a second provider (${lack})`, () => undefined);

function withWebGpu(): void {
  const models = mkdtempSync(join(tmpdir(), 'providers-'));
  cpSync('models/digits', join(models, 'digits'), { recursive: true });
  cpSync('test/fixtures/models/row_filter', join(models, 'row_filter'), { recursive: true });
  afterAll(() => rmSync(models, { recursive: true, force: true }));
  const webgpu = { SLUICE_PROVIDERS: 'webgpu', SLUICE_EXECUTORS: '1' };

  it('serves what it has the operators for, refuses the rest, and says both', async () => {
    stack = await Stack.start({ models, workerEnv: webgpu, gatewayEnv: { SLUICE_DEFAULT_MODEL: 'digits' } });
    const [worker] = stack.workers;
    expect(await placementOf(worker!, 'digits:1')).toMatchObject({ kind: 'counted', fallback: {} });
    const [refusal] = await worker!.logged(/[^\n]*model refused[^\n]*/);
    expect(JSON.parse(refusal)).toMatchObject({
      model: 'row_filter:1',
      reason: expect.stringMatching(/nodes of this model run on the CPU although webgpu was asked for: Compress/),
    });
    const answer = await ask(`${stack.url}/predict/digits`, {
      headers: { 'content-type': 'image/png' },
      body: seven(),
    });
    expect(answer).toMatchObject({ status: 200, json: { prediction: 7 } });
  });

  it('serves the rest too where that is allowed', async () => {
    stack = await Stack.start({
      models,
      workerEnv: { ...webgpu, SLUICE_CPU_FALLBACK: 'true' },
      gatewayEnv: { SLUICE_DEFAULT_MODEL: 'row_filter' },
    });
    expect(await placementOf(stack.workers[0]!, 'row_filter:1')).toMatchObject({ fallback: { Compress: 1 } });
  });

  it('shares a queue with a worker for the CPU, and both answer the same', async () => {
    stack = await Stack.start({ workerEnv: { SLUICE_EXECUTORS: '1' } });
    const there = stack.addWorker(webgpu);
    await there.logged(/"model":"digits:1"[^\n]*model ready/);
    const answered = new Set<string>();
    await until(
      'both workers have answered',
      async () => {
        const pictures = Array.from({ length: 16 }, () =>
          ask(`${stack.url}/predict`, { headers: { 'content-type': 'image/png' }, body: seven() }),
        );
        for (const { json } of await Promise.all(pictures)) {
          expect(json).toMatchObject({ prediction: 7 });
          answered.add(json.metrics.worker as string);
        }
        return answered.size === 2;
      },
      60_000,
    );
  }, 120_000);
}
