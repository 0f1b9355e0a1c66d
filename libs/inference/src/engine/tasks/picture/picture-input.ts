/**
 * From a decoded picture to the tensor that a model takes, for every task that looks at pictures. Runs in a worker's
 * executor and in a web page alike.
 *
 * Invariant: that package and model fit each other is settled when it is built, so that afterwards only a picture can
 * be wrong.
 */
import { SluiceError } from '../../../errors.js';
import type { Tensor } from '../../../tensor/frame.js';
import { placementOf, type Size, type View } from '../../image/geometry.js';
import { place } from '../../image/place.js';
import type { Pixels } from '../../image/pixels.js';
import { toTensor } from '../../image/to-tensor.js';
import { pictureFormOf, type PictureContext, type PictureForm } from './picture-form.js';

export interface PictureInput {
  /** The model's input for one picture, with a batch axis of 1 where there is one. @throws SluiceError for a wrong size. */
  tensorOf(pixels: Pixels): Tensor;
  /** How a picture of this size is seen. */
  viewOf(size: Size): View;
  /** The size of the picture in a tensor that `tensorOf` might have given. */
  sizeIn(shape: readonly number[]): Size;
  /** The shape of one picture's tensor, for a trial run. */
  trialShape(): number[];
}

/** @throws Error that says what in the package does not fit the model. */
export function pictureInputOf(context: PictureContext): PictureInput {
  const form = pictureFormOf(context);
  const convert = toTensor(form.normalisation, form.dtype);
  return {
    tensorOf: (source) => {
      const pixels = place(source, form.placement);
      checkSize(pixels, source, form);
      return { name: form.input.name, dtype: form.dtype, shape: form.shapeOf(pixels), data: convert(pixels) };
    },
    viewOf: ({ width, height }) => ({
      source: { width, height },
      placement: placementOf({ width, height }, form.placement),
    }),
    sizeIn: (shape) => {
      const [first, second, third] = shape.slice(-3) as [number, number, number];
      return form.normalisation.layout === 'NCHW' ? { height: second, width: third } : { height: first, width: second };
    },
    trialShape: () => form.shapeOf(form.trialSize),
  };
}

/** Only models without resize and crop, or of free sizes, can be given a picture of the wrong size. */
function checkSize(pixels: Pixels, source: Pixels, { size }: PictureForm): void {
  const { height, width } = size;
  if ((height ?? pixels.height) === pixels.height && (width ?? pixels.width) === pixels.width) return;
  throw new SluiceError(
    'INPUT_INVALID',
    `The picture is ${source.width}x${source.height} pixels; this model takes ${width ?? 'any'}x${height ?? 'any'} and does not resize.`,
  );
}
