/** Texts of about one length share a bucket; what is cut to the model's length shares the last. */
import type { ModelDescription } from '../contract/model-description.js';
import { lengthBucket } from './length-buckets.js';

function model(maxLength: number, tokens: number | null = null): ModelDescription {
  const spec = { name: 'input_ids', dtype: 'int64' as const, shape: [null, tokens] };
  return {
    v: 1,
    name: 'm',
    version: '1',
    task: 'embedding',
    inputs: [spec],
    outputs: [{ name: 'y', dtype: 'float32', shape: [null, 4] }],
    batched: true,
    maxBatchSize: 32,
    maxDelayMs: 0,
    text: { maxLength, maxBytes: 16_384, pairs: false },
    checksum: '',
  };
}

describe('a length bucket', () => {
  it.each([
    [0, 'text:32', 0.125],
    [128, 'text:32', 0.125],
    [129, 'text:64', 0.25],
    [512, 'text:128', 0.5],
    [513, 'text:256', 1],
    [16_384, 'text:256', 1],
  ])('of %d bytes is %s', (bytes, signature, weight) => {
    expect(lengthBucket(bytes, model(256))).toEqual({ signature, weight });
  });

  it('is no longer than the model', () => {
    expect(lengthBucket(1_000, model(100))).toEqual({ signature: 'text:100', weight: 1 });
    expect(lengthBucket(1_000, model(16))).toEqual({ signature: 'text:16', weight: 1 });
  });

  it('is one for a model of one length, which pads all to it', () => {
    expect(lengthBucket(0, model(256, 256))).toEqual(lengthBucket(16_384, model(256, 256)));
  });
});
