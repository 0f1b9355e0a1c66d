/** The section "output" of a classifier, which a tensor model may carry too. */
import { z } from 'zod';
import { fileName } from './fields.js';

export const classificationOutput = z
  .strictObject({
    activation: z.enum(['softmax', 'sigmoid', 'none']).default('softmax'),
    topK: z.number().int().min(1).max(1000).default(5),
    labels: fileName.optional(),
  })
  .prefault({});

export type OutputSpec = z.output<typeof classificationOutput>;
