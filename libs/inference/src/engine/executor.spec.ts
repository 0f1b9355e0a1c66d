/** The executor as the real child process that a worker forks: built code, real channel, real exit codes. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Executor } from '../../../../test/fixtures/executor.js';
import { fixtureImage, fixtureModel, TemporaryPackages } from '../../../../test/fixtures/packages.js';
import type { ExecutorInput, ExecutorSettings } from '../contract/executor-messages.js';
import { decodeFrame, encodeFrame } from '../tensor/frame.js';

const row = (name: string, values: number[]): ExecutorInput => ({
  type: 'tensors',
  rows: 1,
  bytes: encodeFrame([{ name, dtype: 'float32', shape: [1, values.length], data: Float32Array.from(values) }]),
});
const slowRow = row('x', [1, 2, 3, 4]);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('an executor', () => {
  const packages = new TemporaryPackages();
  const children: ChildProcess[] = [];
  const start = async (settings?: ExecutorSettings): Promise<Executor> => {
    const executor = new Executor(settings);
    children.push(executor.child);
    await executor.next('ready');
    return executor;
  };
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));
  afterAll(() => packages.remove());

  it('loads, runs and stops', async () => {
    const executor = await start();
    executor.send({ kind: 'load', call: 7, directory: fixtureModel('row_sum') });
    expect(await executor.next('loaded')).toMatchObject({
      call: 7,
      description: { name: 'row_sum', batched: true },
      placement: { kind: 'cpu' },
    });
    executor.run(3, 'row_sum:1', [slowRow, row('x', [0, 0, 0, 1])]);
    const { batch, results, bytes, run, prepareMs } = await executor.next('ran');
    expect([batch, results.length]).toEqual([3, 2]);
    expect(run).toEqual({ rows: 2, inferMs: expect.any(Number) as number, leads: true });
    expect(run.inferMs).toBeGreaterThan(0);
    expect(prepareMs).toBeGreaterThan(0);
    const sums = results.map(
      (result) => result.ok && decodeFrame(bytes.subarray(result.offset, result.offset + result.length))[0]!.data[0],
    );
    expect(sums).toEqual([10, 1]);
    executor.send({ kind: 'stop' });
    expect(await executor.exit).toEqual({ code: 0, signal: null });
  });

  it('refuses a package and breaks a batch with a reason, and goes on', async () => {
    const executor = await start();
    executor.send({ kind: 'load', call: 1, directory: packages.make('nothing', {}) });
    expect(await executor.next('refused')).toMatchObject({
      call: 1,
      message: expect.stringMatching(/no model file/) as string,
    });
    executor.run(1, 'unknown:1', [slowRow]);
    expect((await executor.next('broke')).message).toBe('The model unknown:1 is not loaded.');
    await executor.load(fixtureModel('gather_crash'));
    const bad = encodeFrame([{ name: 'index', dtype: 'int64', shape: [1, 1], data: BigInt64Array.of(5n) }]);
    executor.run(2, 'gather_crash:1', [{ type: 'tensors', rows: 1, bytes: bad }]);
    expect(await executor.next('broke')).toMatchObject({
      batch: 2,
      message: expect.stringMatching(/Gather/) as string,
    });
    await executor.load(fixtureModel('row_sum'));
    executor.run(3, 'row_sum:1', [slowRow]);
    expect((await executor.next('ran')).batch).toBe(3);
  });

  it('prepares a batch while the one before it runs, and runs them in order', async () => {
    const executor = await start();
    const folder = packages.make(
      'pictures',
      { 'model.onnx': join(fixtureModel('tiny_classifier'), 'model.onnx') },
      { task: 'image-classification', image: { resize: { exact: [8, 8] } } },
    );
    await executor.load(fixtureModel('slow'));
    await executor.load(folder);
    const picture: ExecutorInput = { type: 'image', rows: 1, bytes: fixtureImage('rgb.png') };
    const bad: ExecutorInput = { type: 'image', rows: 1, bytes: Buffer.from('bad') };
    executor.run(1, 'slow:1', [slowRow]);
    executor.run(2, 'pictures:1', [picture, bad, picture]);
    const first = await executor.next('ran');
    const firstAt = performance.now();
    const second = await executor.next('ran');
    expect([first.batch, second.batch]).toEqual([1, 2]);
    expect(second.results.map(({ ok }) => ok)).toEqual([true, false, true]);
    // Its pictures were ready long before: preparing took less than the run that it waited for.
    expect(second.prepareMs).toBeLessThan(first.run.inferMs);
    expect(performance.now() - firstAt).toBeLessThan(first.run.inferMs);
  });

  it('lets batches that lie in line share a run where they may, up to the size that the model allows', async () => {
    const executor = await start();
    const folder = packages.make(
      'pairs',
      { 'model.onnx': join(fixtureModel('tiny_classifier'), 'model.onnx') },
      { task: 'image-classification', image: { resize: { exact: [8, 8] } }, batching: { maxBatchSize: 3 } },
    );
    await executor.load(fixtureModel('slow'));
    await executor.load(folder);
    const picture: ExecutorInput = { type: 'image', rows: 1, bytes: fixtureImage('rgb.png') };
    const bad: ExecutorInput = { type: 'image', rows: 1, bytes: Buffer.from('bad') };
    // The run of this one gives the others the time to be prepared.
    executor.run(1, 'slow:1', [slowRow]);
    executor.send({ kind: 'run', batch: 2, model: 'pairs:1', inputs: [picture], joins: true });
    executor.send({ kind: 'run', batch: 3, model: 'pairs:1', inputs: [bad, picture], joins: true });
    executor.send({ kind: 'run', batch: 4, model: 'pairs:1', inputs: [picture, picture], joins: true });
    executor.run(5, 'pairs:1', [picture]);
    await executor.next('ran');
    const ran = [];
    for (let i = 0; i < 4; i++) ran.push(await executor.next('ran'));
    expect(ran.map(({ batch, run: { rows, leads }, results }) => [batch, rows, leads, results.length])).toEqual([
      [2, 2, true, 1],
      [3, 2, false, 2],
      [4, 2, true, 2],
      [5, 1, true, 1],
    ]);
    const answers = ran.flatMap(({ results, bytes }) =>
      results.map(
        (result) => result.ok && Buffer.from(bytes).toString('utf8', result.offset, result.offset + result.length),
      ),
    );
    expect(answers[1]).toBe(false);
    expect(new Set(answers.filter((answer) => answer !== false)).size).toBe(1);
  });

  it('told to stop during a run, answers it and exits with 0', async () => {
    const executor = await start();
    await executor.load(fixtureModel('slow'));
    executor.run(1, 'slow:1', [slowRow]);
    await pause(50);
    executor.send({ kind: 'stop' });
    expect((await executor.next('ran')).batch).toBe(1);
    expect(await executor.exit).toEqual({ code: 0, signal: null });
  });

  it('ignores the signals of its process group', async () => {
    const executor = await start();
    executor.child.kill('SIGTERM');
    executor.child.kill('SIGINT');
    await executor.load(fixtureModel('add'));
    expect(executor.child.exitCode).toBeNull();
  });

  it('ends with its worker: at once when idle, by force when a run hangs', async () => {
    const idle = await start();
    idle.child.disconnect();
    expect(await idle.exit).toEqual({ code: 0, signal: null });
    const hanging = await start();
    await hanging.load(fixtureModel('endless'));
    hanging.run(1, 'endless:1', [row('x', [2000])]);
    await pause(100);
    hanging.child.disconnect();
    expect(await hanging.exit).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('ends with its worker also when that dies while it is only just starting', async () => {
    const executor = new Executor();
    children.push(executor.child);
    executor.child.disconnect();
    const { code, signal } = await executor.exit;
    // By force when its models' thread takes longer to start than an orphan has.
    expect([0, 'SIGKILL']).toContain(signal ?? code);
  }, 20_000);

  it('cannot start with a provider that is not there, and says how to get it', async () => {
    for (const [provider, advice] of [
      ['cuda', /"cuda" cannot be used.*ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules.*docs\/gpu\.md/],
      ['abacus', /"abacus" cannot be used \(this build for .* has cpu/],
    ] as const) {
      const executor = new Executor({ threads: 1, providers: [provider] });
      children.push(executor.child);
      const { message } = await executor.next('unable');
      expect(message).toMatch(advice);
      expect(message).not.toMatch(/[\\/]node_modules/);
      expect((await executor.exit).code).toBe(1);
    }
  });
});
