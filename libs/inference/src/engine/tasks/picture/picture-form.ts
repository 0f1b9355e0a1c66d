/**
 * What a model's input tensor and the package's image specification say together: which axis is what, how large
 * pictures must be, how they are normalised. Found once, when the model is loaded.
 */
import type { TensorSpec } from '../../../contract/model-description.js';
import type { PlacementSpec, Size } from '../../image/geometry.js';
import type { Normalisation, PixelDtype } from '../../image/to-tensor.js';
import type { ManifestOf } from '../../../packages/manifest.js';
import type { ImageSpec } from '../../../packages/manifest/image.js';
import { shown } from '../check-tensors.js';
import type { TaskContext } from '../task.js';

export interface PictureForm {
  input: TensorSpec;
  dtype: PixelDtype;
  placement: PlacementSpec & { color: ImageSpec['color'] };
  normalisation: Normalisation;
  /** What the model's file fixes; null where any size will do. */
  size: { height: number | null; width: number | null };
  /** A size that preprocessing may give, for a trial run. */
  trialSize: Size;
  /** The shape of the tensor of one picture of this size. */
  shapeOf(size: Size): number[];
}

/** What a model of each task is called in messages. */
const WHO = {
  'image-classification': 'An image classifier',
  'object-detection': 'An object detector',
  'image-segmentation': 'An image segmenter',
} as const;

/** Tasks whose models look at pictures. */
export type PictureTask = keyof typeof WHO;

export interface PictureContext extends Pick<TaskContext, 'inputs' | 'batched'> {
  manifest: Pick<ManifestOf<PictureTask>, 'task' | 'image'>;
}

/** @throws Error that says what in model.json does not fit the model. */
export function pictureFormOf({ manifest, inputs, batched }: PictureContext): PictureForm {
  const image = manifest.image!;
  const who = WHO[manifest.task];
  const [input] = inputs;
  if (!input || inputs.length !== 1) {
    const names = inputs.map(({ name }) => name).join(', ');
    throw new Error(`${who} has exactly one input; this model has ${inputs.length} (${names}). Use "task": "tensor".`);
  }
  const rank = input.shape.length;
  const isClassifier = manifest.task === 'image-classification';
  if (isClassifier && (!batched || rank !== 4)) {
    throw new Error(
      `${who} takes [N, channels, height, width] with N free or 1; "${input.name}" is ${shown(input.shape)}.` +
        ' Export the model with a batch axis, or use "task": "tensor".',
    );
  }
  if (rank !== 4 && (rank !== 3 || batched)) {
    throw new Error(
      `${who} takes [N, channels, height, width] or one picture without N; "${input.name}" is ${shown(input.shape)}.` +
        ' Use "task": "tensor".',
    );
  }
  if (input.dtype !== 'float32' && input.dtype !== 'float16') {
    throw new Error(
      `"${input.name}" holds ${input.dtype}; pictures are given as float32 or float16. Add a Cast to the model.`,
    );
  }
  const channels = image.color === 'GRAY' ? 1 : 3;
  const planar = image.layout === 'NCHW';
  const [first, second, third] = input.shape.slice(-3) as [number | null, number | null, number | null];
  const [modelChannels, height, width] = planar ? [first, second, third] : [third, first, second];
  const sizesOf = ({ height, width }: Size): number[] =>
    planar ? [channels, height, width] : [height, width, channels];
  const shapeOf = (size: Size): number[] => (rank === 4 ? [1, ...sizesOf(size)] : sizesOf(size));
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
      `model.json: image.resize and image.crop give ${shown(rank === 4 ? [null, ...sizesOf(given)] : sizesOf(given))};` +
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
  const resized = resize && ('exact' in resize ? resize.exact : 'letterbox' in resize ? resize.letterbox : undefined);
  const size = crop ?? resized;
  return size && { height: size[0], width: size[1] };
}
