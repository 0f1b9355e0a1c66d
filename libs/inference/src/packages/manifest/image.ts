/** The section "image": how training prepared the pictures that a model is given. */
import { z } from 'zod';
import { side, size, type Say } from './fields.js';

const RESIZE_FORMS =
  '{"shorterSide": pixels}, {"exact": [height, width]} or {"letterbox": [height, width], "fill": gray}';

export const imageSection = z.strictObject({
  resize: z
    .union(
      [
        z.strictObject({ shorterSide: side }),
        z.strictObject({ exact: size }),
        /** The whole picture in the middle of a frame of this size, its aspect kept; the rest of the frame is `fill`. */
        z.strictObject({ letterbox: size, fill: z.number().int().min(0).max(255).default(114) }),
      ],
      { error: RESIZE_FORMS },
    )
    .optional(),
  crop: size.optional(),
  color: z.enum(['RGB', 'BGR', 'GRAY']).default('RGB'),
  scale: z
    .number()
    .positive()
    .default(1 / 255),
  mean: z.array(z.number()).optional(),
  std: z.array(z.number().positive()).optional(),
  layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
});

export type ImageSpec = z.output<typeof imageSection>;

/** What the sections' own rules cannot say. */
export function checkImage(image: ImageSpec, say: Say): void {
  const channels = image.color === 'GRAY' ? 1 : 3;
  for (const key of ['mean', 'std'] as const) {
    const numbers = image[key];
    if (numbers && numbers.length !== channels) {
      say(['image', key], `${channels} number${channels > 1 ? 's' : ''}, one a channel of "${image.color}"`, numbers);
    }
  }
  if (image.crop && image.resize && 'letterbox' in image.resize) {
    say(['image', 'crop'], 'nothing, as image.resize.letterbox gives the size', image.crop);
  }
}
