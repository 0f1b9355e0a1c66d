/** How far made-up rows go: found by trying, for the model's file does not say. */
import type { ModelDescription, TensorSpec } from '../../../contract/model-description.js';
import type { ExecutorInput } from '../../../contract/executor-messages.js';
import { decodeFrame, type Tensor } from '../../../tensor/frame.js';
import { tensorRows } from './tensor-rows.js';

function model(...inputs: TensorSpec[]): ModelDescription {
  return {
    ...{ v: 1, name: 'm', version: '1', task: 'tensor', batched: true, maxBatchSize: 32, maxDelayMs: 0, checksum: '' },
    inputs,
    outputs: [{ name: 'y', dtype: 'float32', shape: [null, 1] }],
  };
}

const tensorsOf = (input: ExecutorInput): Tensor[] => decodeFrame(input.bytes);
const runsWhen = (is: (tensors: Tensor[]) => boolean) => (input: ExecutorInput) =>
  Promise.resolve(is(tensorsOf(input)));
const largest = (tensors: Tensor[], name: string): number =>
  Math.max(...[...(tensors.find((each) => each.name === name)!.data as BigInt64Array)].map(Number));
const ids: TensorSpec = { name: 'ids', dtype: 'int64', shape: [null, null] };

it('keeps ids within a table, and a mask to yes and no', async () => {
  const kinds = await tensorRows(
    model(ids, { ...ids, name: 'attention_mask' }),
    runsWhen((tensors) => largest(tensors, 'ids') <= 150 && largest(tensors, 'attention_mask') <= 1),
  );
  const rows = kinds.flatMap((kind) => kind.rows).map(tensorsOf);
  expect(Math.max(...rows.map((row) => largest(row, 'ids')))).toBe(100);
  expect(Math.max(...rows.map((row) => largest(row, 'attention_mask')))).toBe(1);
});

it('finds the size of free axes', async () => {
  const [kind] = await tensorRows(
    model({ name: 'x', dtype: 'float32', shape: [null, 1, null, null] }),
    runsWhen(([x]) => x!.shape[2]! >= 64),
  );
  expect(tensorsOf(kind!.rows[0]!)[0]!.shape).toEqual([1, 1, 64, 64]);
});

it('takes values between 0 and 1 where others fail', async () => {
  const [kind] = await tensorRows(
    model({ name: 'x', dtype: 'float32', shape: [null, 50] }),
    runsWhen(([x]) => (x!.data as Float32Array).every((value) => value >= 0)),
  );
  const values = [...(tensorsOf(kind!.rows[0]!)[0]!.data as Float32Array)];
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
});

it('gives up where nothing runs, in bounded time', async () => {
  let tries = 0;
  const never = (): Promise<boolean> => {
    tries++;
    return Promise.resolve(false);
  };
  expect(await tensorRows(model(ids), never)).toEqual([]);
  expect(tries).toBeLessThan(200);
});

it('makes the same rows every time, of different kinds and all finite', async () => {
  const x: TensorSpec = { name: 'x', dtype: 'float16', shape: [null, 3] };
  const make = () => tensorRows(model(x), () => Promise.resolve(true));
  const kinds = await make();
  expect(await make()).toEqual(kinds);
  expect(kinds.map(({ name }) => name)).toEqual([
    'random values',
    'zeros',
    'ones',
    'large values',
    'large negative values',
  ]);
  for (const row of kinds.flatMap((kind) => kind.rows)) {
    for (const bits of tensorsOf(row)[0]!.data as Uint16Array) expect(bits & 0x7c00).not.toBe(0x7c00);
  }
});
