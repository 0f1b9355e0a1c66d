/** The profile that onnxruntime really writes, in a child process: onnxruntime cannot run inside Jest. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { fixtureModel } from '../../../../../test/fixtures/packages.js';
import { ENGINE } from '../../../../../test/fixtures/run-thread.js';
import { nodesOf, type ProfiledNode } from './trial-profile.js';

const built = (file: string): string => JSON.stringify(pathToFileURL(join(ENGINE, file)).href);
const model = (directory: string): string => JSON.stringify(resolve(directory, 'model.onnx'));
const PRELUDE = `
  const { openSession } = await import(${built('session.js')});
  const { TrialProfile } = await import(${built('placement/trial-profile.js')});
  const settings = { threads: 1, providers: ['cpu'] };
  const profile = await TrialProfile.create();
  const profiled = { profilePrefix: profile.prefix, cpuFree: false };
  const zeros = (name, ...shape) =>
    [{ name, dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b)) }];
`;

describe('the profile of a trial run', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'trial-profile-'));
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  /** What the script prints as JSON; its temporary folders are made in `folder`. */
  async function child<Answer>(script: string, folder = temporary): Promise<Answer> {
    const args = ['--input-type=module', '-e', PRELUDE + script];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, TMPDIR: folder, ORT_DISABLE_TELEMETRY: '1' },
    });
    return JSON.parse(stdout) as Answer;
  }

  it('names each node once with its provider, its operator and its tensors, however often it ran', async () => {
    const nodes = await child<ProfiledNode[]>(`
      const session = await openSession(${model('models/digits/1')}, settings, profiled);
      for (const rows of [1, 2]) await session.run(zeros('image', rows, 1, 16, 16));
      session.endProfile();
      console.log(JSON.stringify(await profile.read()));
      await profile.remove();
    `);
    expect(new Set(nodes.map(({ provider }) => provider))).toEqual(new Set(['cpu']));
    const layers = nodes.filter(({ operator }) => operator === 'Gemm');
    expect(layers).toHaveLength(1);
    expect(layers[0]!.tensors).toContainEqual({ type: 'float', shape: [1, 10] });
    expect(layers[0]!.tensors).toContainEqual({ type: 'float', shape: [2, 10] });
  });

  it('ends for good: what the session runs later is not in it, and costs no file', async () => {
    const [before, after, files] = await child<[number, number, number]>(`
      const { readdirSync, statSync } = await import('node:fs');
      const { dirname, join } = await import('node:path');
      const folder = dirname(profile.prefix);
      const size = () => readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
      const session = await openSession(${model(fixtureModel('row_sum'))}, settings, profiled);
      await session.run(zeros('x', 1, 4));
      session.endProfile();
      const before = size();
      for (let i = 0; i < 50; i++) await session.run(zeros('x', 1, 4));
      await session.release();
      console.log(JSON.stringify([before, size(), readdirSync(folder).length]));
      await profile.remove();
    `);
    expect(before).toBeGreaterThan(0);
    expect([after, files]).toEqual([before, 1]);
  });

  it('leaves nothing behind once it is removed, also under a session that is still profiled', async () => {
    await child(`
      const session = await openSession(${model(fixtureModel('row_sum'))}, settings, profiled);
      await session.run(zeros('x', 1, 4));
      await profile.remove();
      await session.release();
      console.log('null');
    `);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('asks the operator for a temporary folder where there is none', async () => {
    const failed = child('console.log(1)', join(temporary, 'missing'));
    await expect(failed).rejects.toThrow(/No temporary folder can be made \(ENOENT\).*Set TMPDIR/);
  });

  it('may be of a session without the CPU, a wish that reaches onnxruntime and that the CPU alone cannot meet', async () => {
    const opened = child(`
      const wish = { ...profiled, cpuFree: true };
      await openSession(${model(fixtureModel('row_sum'))}, settings, wish).finally(() => profile.remove());
    `);
    await expect(opened).rejects.toThrow(/fallback to CPU EP has been explicitly disabled/);
  });

  it('is not made of what is no node', () => {
    const session = { cat: 'Session', name: 'model_run', args: {} };
    const kernel = { cat: 'Api', name: 'Conv', args: { shapes: 'inputs[0] = {1}' } };
    expect(nodesOf([session, kernel])).toEqual([]);
  });

  it('takes two nodes for one index in different graphs for two', () => {
    const args = { provider: 'CUDAExecutionProvider', op_name: 'Relu', node_index: '0' };
    const outer = { cat: 'Node', name: 'a_kernel_time', args };
    const inner = { cat: 'Node', name: 'b_kernel_time', args: { ...args, input_type_shape: [{ float: [1] }] } };
    expect(nodesOf([outer, inner, outer])).toEqual([
      { provider: 'cuda', operator: 'Relu', tensors: [] },
      { provider: 'cuda', operator: 'Relu', tensors: [{ type: 'float', shape: [1] }] },
    ]);
  });
});
