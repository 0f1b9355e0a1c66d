/** Executors with a real second provider: what they load, what they refuse, and what they say. */
import { execFile, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Executor } from '../../../../../test/fixtures/executor.js';
import { UNKNOWN_OPERATOR } from '../../../../../test/fixtures/onnx-bytes.js';
import { fixtureModel, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { ENGINE } from '../../../../../test/fixtures/run-thread.js';
import { lackOfWebGpu } from '../../../../../test/fixtures/second-provider.js';

const temporary = mkdtempSync(join(tmpdir(), 'placed-session-'));
const packages = new TemporaryPackages();
const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));
afterAll(() => {
  packages.remove();
  rmSync(temporary, { recursive: true, force: true });
});

async function start(providers: string[], cpuFallback = false): Promise<Executor> {
  const executor = new Executor(
    { threads: 1, providers, cpuFallback },
    { TMPDIR: temporary, ORT_DISABLE_TELEMETRY: '1' },
  );
  children.push(executor.child);
  await executor.next('ready');
  return executor;
}

it('an executor for the CPU alone says so and writes no profile', async () => {
  const executor = await start(['cpu']);
  expect((await executor.load(fixtureModel('row_sum'))).placement).toEqual({ kind: 'cpu' });
  expect(readdirSync(temporary)).toEqual([]);
});

const lack = lackOfWebGpu();
if (lack === undefined) describe('an executor for WebGPU', withWebGpu);
else it(`leaves out: placing nodes on a second provider (${lack})`, () => undefined);

function withWebGpu(): void {
  afterEach(() => expect(readdirSync(temporary)).toEqual([]));

  it('has all of the digits there, and sees the same in a picture as the CPU', async () => {
    const picture = { type: 'image' as const, rows: 1, bytes: readFileSync('examples/digits/seven.png') };
    const [there, here] = await Promise.all(
      ['webgpu', 'cpu'].map(async (provider) => {
        const executor = await start([provider]);
        const { placement } = await executor.load(resolve('models/digits/1'));
        executor.run(1, 'digits:1', [picture]);
        const { results, bytes } = await executor.next('ran');
        const [result] = results;
        if (!result?.ok) throw new Error(JSON.stringify(result));
        const answer = Buffer.from(bytes).toString('utf8', result.offset, result.offset + result.length);
        return { placement, ...(JSON.parse(answer) as { prediction: number; score: number }) };
      }),
    );
    expect(there!.placement).toMatchObject({ kind: 'counted', fallback: {} });
    expect(Object.keys((there!.placement as { nodes: object }).nodes)).toEqual(['webgpu']);
    expect(there!.prediction).toBe(7);
    expect(there!.score).toBeCloseTo(here!.score, 4);
  });

  it('refuses a model with a node that falls back, and says which', async () => {
    const executor = await start(['webgpu', 'cpu']);
    await expect(executor.load(fixtureModel('row_filter'))).rejects.toThrow(
      /^1 of \d nodes of this model run on the CPU although webgpu was asked for: Compress\. Set SLUICE_CPU_FALLBACK=true/,
    );
    expect((await executor.load(fixtureModel('row_sum'))).description.name).toBe('row_sum');
  });

  it('loads it where that is allowed, and says the same', async () => {
    const executor = await start(['webgpu'], true);
    const { placement } = await executor.load(fixtureModel('row_filter'));
    expect(placement).toMatchObject({ kind: 'counted', nodes: { cpu: 1 }, fallback: { Compress: 1 } });
  });

  it('loads a model of which the CPU computes the shapes', async () => {
    const executor = await start(['webgpu']);
    const { placement } = await executor.load(fixtureModel('shape_math'));
    expect(placement).toEqual({ kind: 'counted', nodes: { webgpu: 5, cpu: 8 }, fallback: {} });
  });

  it('refuses a model for a node inside a branch, which onnxruntime itself overlooks', async () => {
    const executor = await start(['webgpu']);
    await expect(executor.load(fixtureModel('branching'))).rejects.toThrow(/^1 of \d nodes .*: Hardmax\./);
  });

  it('refuses a model of which it has nothing at all', async () => {
    const executor = await start(['webgpu']);
    await expect(executor.load(fixtureModel('identity_int64'))).rejects.toThrow(/^All 1 nodes .* run on the CPU/);
  });

  it('tries free sizes as 1, to count the nodes of a model that has no other trial run', async () => {
    const executor = await start(['webgpu']);
    const { placement } = await executor.load(fixtureModel('scalar_sum'));
    expect(placement).toEqual({ kind: 'counted', nodes: { webgpu: 1 }, fallback: {} });
  });

  it('without a trial run relies on what onnxruntime grants, a session without the CPU or not', async () => {
    const script = `
      const { PlacedSession } = await import(${JSON.stringify(pathToFileURL(join(ENGINE, 'placement/placed-session.js')).href)});
      const answers = [];
      for (const model of process.argv.slice(1)) {
        const placed = await PlacedSession.open(model, { threads: 1, providers: ['webgpu'] });
        answers.push(await placed.place(false).catch(({ message }) => message));
        await placed.release();
      }
      console.log(JSON.stringify(answers));
    `;
    const models = ['row_sum', 'row_filter'].map((name) => join(fixtureModel(name), 'model.onnx'));
    const args = ['--input-type=module', '-e', script, ...models];
    const env = { ...process.env, TMPDIR: temporary, ORT_DISABLE_TELEMETRY: '1' };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    const [granted, refused] = JSON.parse(stdout) as [object, string];
    expect(granted).toEqual({ kind: 'uncounted', cpuFree: true });
    expect(refused).toMatch(
      /some nodes of this model on the CPU although webgpu was asked for; which ones cannot be told/,
    );
  });

  it('refuses a file that is no model as it always did', async () => {
    const executor = await start(['webgpu']);
    const folder = packages.make('garbage', { 'model.onnx': UNKNOWN_OPERATOR });
    await expect(executor.load(folder)).rejects.toThrow(
      /^onnxruntime cannot load the model file: .*model\.onnx failed/,
    );
  });
}
