/** The executor as the real child process that a worker forks: built code, real channel, real exit codes. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Executor } from '../../../../test/fixtures/executor.js';
import { matMulModel } from '../../../../tools/bench/matmul-model.js';
import { fixtureImage, fixtureModel, TemporaryPackages } from '../../../../test/fixtures/packages.js';
import type { ExecutorInput, ExecutorSettings } from '../contract/executor-messages.js';
import { decodeFrame, encodeFrame } from '../tensor/frame.js';

const row = (name: string, values: number[]): ExecutorInput => ({
  type: 'tensors',
  rows: 1,
  bytes: encodeFrame([{ name, dtype: 'float32', shape: [1, values.length], data: Float32Array.from(values) }]),
});
const slowRow = row('x', [1, 2, 3, 4]);
const residentBytes = (pid: number): number =>
  1_024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
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
    expect(run).toMatchObject({ rows: 2, inferMs: expect.any(Number) as number, leads: true });
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

  it('lets batches that lie in line share a run where they may, up to the size that they were given', async () => {
    const executor = await start();
    const folder = packages.make(
      'pairs',
      { 'model.onnx': join(fixtureModel('tiny_classifier'), 'model.onnx') },
      { task: 'image-classification', image: { resize: { exact: [8, 8] } } },
    );
    await executor.load(fixtureModel('slow'));
    await executor.load(folder);
    const picture: ExecutorInput = { type: 'image', rows: 1, bytes: fixtureImage('rgb.png') };
    const bad: ExecutorInput = { type: 'image', rows: 1, bytes: Buffer.from('bad') };
    // The run of this one gives the others the time to be prepared.
    executor.run(1, 'slow:1', [slowRow]);
    executor.join(2, 'pairs:1', [picture]);
    executor.join(3, 'pairs:1', [bad, picture]);
    executor.join(4, 'pairs:1', [picture, picture]);
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

  it('runs a batch whose turn it is before those that lie ready, and says so first', async () => {
    const executor = await start();
    await executor.load(fixtureModel('slow'));
    await executor.load(fixtureModel('row_sum'));
    await executor.load(fixtureModel('add'));
    const pair = encodeFrame(
      ['a', 'b'].map((name) => ({ name, dtype: 'float32', shape: [1, 3], data: new Float32Array(3) })),
    );
    const order = { kind: 'run', joins: false, most: 1 } as const;
    executor.send({ ...order, batch: 1, model: 'slow:1', inputs: [slowRow], turn: 0 });
    executor.send({ ...order, batch: 2, model: 'row_sum:1', inputs: [slowRow], turn: 20 });
    const inputs: ExecutorInput[] = [{ type: 'tensors', rows: 1, bytes: pair }];
    executor.send({ ...order, batch: 3, model: 'add:1', inputs, turn: 10 });
    const told = [];
    for (let i = 0; i < 4; i++) told.push(await executor.next('ran', 'overtook'));
    expect(told.map(({ kind, batch }) => `${kind} ${batch}`)).toEqual(['overtook 3', 'ran 1', 'ran 3', 'ran 2']);
  });

  it('unloads a model after the batches that came before it, and the others go on', async () => {
    const executor = await start();
    await executor.load(fixtureModel('slow'));
    await executor.load(fixtureModel('row_sum'));
    executor.run(1, 'slow:1', [slowRow]);
    executor.run(2, 'row_sum:1', [slowRow]);
    executor.send({ kind: 'unload', call: 9, model: 'row_sum:1' });
    executor.run(3, 'row_sum:1', [slowRow]);
    expect(await executor.next('broke')).toMatchObject({ batch: 3, message: 'The model row_sum:1 is not loaded.' });
    expect((await executor.next('ran', 'unloaded')).kind).toBe('ran');
    expect(await executor.next('ran', 'unloaded')).toMatchObject({ kind: 'ran', batch: 2 });
    expect(await executor.next('unloaded')).toMatchObject({ call: 9 });
    await executor.load(fixtureModel('row_sum'));
    executor.run(4, 'row_sum:1', [slowRow]);
    expect((await executor.next('ran')).batch).toBe(4);
  });

  it('says by how much it grew for a model, and gives that back to the system when the model goes', async () => {
    const executor = await start();
    const sizes = [
      { width: 1536, layers: 5 },
      { width: 1024, layers: 10 },
    ];
    const folders = sizes.map((size, i) => packages.make(`large${i}`, { 'model.onnx': matMulModel(size) }));
    const before = residentBytes(executor.child.pid!);
    for (let i = 0; i < 4; i++) {
      const { description, grownBytes } = await executor.load(folders[i % 2]!);
      expect(grownBytes).toBeGreaterThan(20e6);
      executor.run(i, `large${i % 2}:1`, [row('x', Array<number>(sizes[i % 2]!.width).fill(1))]);
      await executor.next('ran');
      executor.send({ kind: 'unload', call: 2, model: `${description.name}:1` });
      await executor.next('unloaded');
    }
    expect(residentBytes(executor.child.pid!) - before).toBeLessThan(30e6);
  });

  it('goes on running small models while a large one is opened', async () => {
    const executor = await start();
    await executor.load(fixtureModel('row_sum'));
    const large = packages.make('larger', { 'model.onnx': matMulModel({ width: 1536, layers: 8 }) });
    executor.send({ kind: 'load', call: 1, directory: large });
    let runs = 0;
    for (;;) {
      executor.run(runs, 'row_sum:1', [slowRow]);
      if ((await executor.next('ran', 'loaded')).kind === 'loaded') break;
      runs++;
    }
    expect(runs).toBeGreaterThan(20);
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
