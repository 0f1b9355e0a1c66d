/** Made-up pictures for a model that takes pictures: encoded ones, so that decoding and preprocessing are tried as well. */
import type { ExecutorInput } from '../../../contract/executor-messages.js';
import { encodeFrame } from '../../../tensor/frame.js';
import type { ImageSpec } from '../../../packages/manifest/image.js';
import type { Model } from '../../model.js';
import { RANDOM_ROWS, type RowKind } from './kinds.js';
import { pngOf } from './png.js';
import { Random } from './random.js';
import { filled, type Kind } from './tensor-values.js';

/** @param image as the package says. */
export function pictureRows({ task, description }: Model, { layout }: ImageSpec): RowKind[] {
  const [input] = description.inputs as [(typeof description.inputs)[number]];
  const [shape] = task.trialShapes()!;
  // From the end, for a detector may take one picture without a batch axis.
  const [height, width] = (layout === 'NCHW' ? shape!.slice(-2) : shape!.slice(-3, -1)) as [number, number];
  const random = new Random(1);
  const picture = (value: () => number): ExecutorInput => {
    const bytes = pngOf(width, height, Uint8Array.from({ length: 3 * width * height }, value));
    return { type: 'image', rows: 1, bytes };
  };
  const kind = (name: string, ...rows: ExecutorInput[]): RowKind => ({ name, isPlausible: true, rows });
  // What nobody would send as a picture may come as a tensor.
  const tensor = (name: string, of: Kind): RowKind => {
    const values = filled(input, shape!, { kind: of, random, range: { high: 1, spread: 'normal' } });
    return { name, isPlausible: false, rows: [{ type: 'tensors', rows: 1, bytes: encodeFrame([values]) }] };
  };
  const noise = Array.from({ length: RANDOM_ROWS }, () => picture(() => random.upTo(255)));
  return [
    kind('random pixels', ...noise),
    kind(
      'black pixels',
      picture(() => 0),
    ),
    kind(
      'white pixels',
      picture(() => 255),
    ),
    tensor('large values', 'large'),
    tensor('large negative values', 'large negative'),
  ];
}
