/**
 * What a classifier's input tensor and the package's image specification say together: which axis is what, how large
 * pictures must be, how they are normalised. Found once, when the model is loaded.
 */
import type { TensorSpec } from '../../contract/model-description.js';
import type { PlacementSpec, Size } from '../image/geometry.js';
import type { Normalisation, PixelDtype } from '../image/to-tensor.js';
import type { ImageSpec } from '../../packages/manifest.js';
import { shown } from './check-tensors.js';
import type { TaskContext } from './task.js';

export interface PictureForm {
  input: TensorSpec;
  dtype: PixelDtype;
  placement: PlacementSpec & { color: ImageSpec['color'] };
  normalisation: Normalisation;
  /** What the model's file fixes; null where any size will do. */
  size: { height: number | null; width: number | null };
  /** A size that preprocessing may give, for a trial run. */
  trialSize: Size;
  /** The shape of one row of this size. */
  shapeOf(size: Size): number[];
}

/** @throws Error that says what in model.json does not fit the model. */
export function pictureFormOf({ manifest, inputs, batched }: TaskContext): PictureForm {
  const image = manifest.image!;
  const [input] = inputs;
  if (!input || inputs.length !== 1) {
    const names = inputs.map(({ name }) => name).join(', ');
    throw new Error(
      `An image classifier has exactly one input; this model has ${inputs.length} (${names}). Use "task": "tensor".`,
    );
  }
  if (!batched || input.shape.length !== 4) {
    throw new Error(
      `An image classifier takes [N, channels, height, width] with N free or 1; "${input.name}" is ${shown(input.shape)}.` +
        ' Export the model with a batch axis, or use "task": "tensor".',
    );
  }
  if (input.dtype !== 'float32' && input.dtype !== 'float16') {
    throw new Error(
      `"${input.name}" holds ${input.dtype}; pictures are given as float32 or float16. Add a Cast to the model.`,
    );
  }
  const channels = image.color === 'GRAY' ? 1 : 3;
  const planar = image.layout === 'NCHW';
  const [, first, second, third] = input.shape as [number | null, number | null, number | null, number | null];
  const [modelChannels, height, width] = planar ? [first, second, third] : [third, first, second];
  const shapeOf = (size: Size): number[] =>
    planar ? [1, channels, size.height, size.width] : [1, size.height, size.width, channels];
  if (modelChannels !== null && modelChannels !== channels) {
    throw new Error(
      `model.json: image.color "${image.color}" and image.layout "${image.layout}" give ${channels} channels;` +
        ` the model's input is ${shown(input.shape)}. Change color or layout.`,
    );
  }
  const given = givenSize(image);
  const fixed = height !== null || width !== null;
  if (fixed && given && ((height ?? given.height) !== given.height || (width ?? given.width) !== given.width)) {
    throw new Error(
      `model.json: image.resize and image.crop give ${shown([null, ...shapeOf(given).slice(1)])};` +
        ` the model's input is ${shown(input.shape)}. Set image.crop to [${height ?? given.height}, ${width ?? given.width}].`,
    );
  }
  if (fixed && !given && image.resize) {
    throw new Error(
      `model.json: image.resize.shorterSide leaves the longer side open; the model's input is ${shown(input.shape)}.` +
        ` Add image.crop [${height}, ${width}].`,
    );
  }
  const { color, scale, layout, mean = Array(channels).fill(0), std = Array(channels).fill(1) } = image;
  return {
    input,
    dtype: input.dtype,
    placement: { resize: image.resize, crop: image.crop, color },
    normalisation: { color, scale, layout, mean: mean as number[], std: std as number[] },
    size: { height, width },
    trialSize: given ?? { height: height ?? 224, width: width ?? 224 },
    shapeOf,
  };
}

/** The size after preprocessing, where it is the same for every picture. */
function givenSize({ crop, resize }: ImageSpec): Size | undefined {
  const size = crop ?? (resize && 'exact' in resize ? resize.exact : undefined);
  return size && { height: size[0], width: size[1] };
}
