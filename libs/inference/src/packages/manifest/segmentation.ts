/** The section "output" of a segmenter: what the model's output holds, and in which form the class map is told. */
import { z } from 'zod';
import { fileName, fraction, tensorName } from './fields.js';

export const segmentationOutput = z
  .strictObject({
    /** The model's output; its first unless it is named. */
    map: tensorName.optional(),
    /** Scores for each class, or the classes themselves; told by the output's dtype and shape unless it is said. */
    values: z.enum(['scores', 'classes']).optional(),
    activation: z.enum(['softmax', 'sigmoid', 'none']).default('softmax'),
    /** Of one score a pixel: from this on it is class 1, below it class 0. */
    threshold: fraction.default(0.5),
    /** Whether each class comes with the mean score of its pixels. */
    confidence: z.boolean().default(false),
    form: z.enum(['png', 'rle']).default('png'),
    labels: fileName.optional(),
  })
  .prefault({});

export type SegmentationSpec = z.output<typeof segmentationOutput>;
