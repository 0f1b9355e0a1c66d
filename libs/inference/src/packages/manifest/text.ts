/** The sections `text` and `embedding` of model.json: how a text becomes ids, and what becomes of the model's output. */
import { z } from 'zod';
import { fileName } from './fields.js';

const inputName = z.string().min(1);

export const textSection = z.strictObject({
  /** In the Hugging Face format. */
  tokenizer: fileName.default('tokenizer.json'),
  /** Tokens, special ones included; longer texts are cut. Unset: as the tokenizer's file says, else 512. */
  maxLength: z.number().int().min(2).max(131_072).optional(),
  /** Bytes of one text; larger ones are refused. Unset: 64 for each token of maxLength, 65 536 at most. */
  maxBytes: z.number().int().min(1).max(1_048_576).optional(),
  /** Which inputs of the model are what, where they do not have their usual names. */
  inputs: z.strictObject({ ids: inputName, mask: inputName.optional(), types: inputName.optional() }).optional(),
});

export const embeddingSection = z.strictObject({
  /** How the vectors of a text's tokens become one; unset: "none", for models that answer one vector a text. */
  pooling: z.enum(['mean', 'cls', 'none']).default('none'),
  /** To length 1. */
  normalize: z.boolean().default(true),
  /** Which output of the model; unset: the only one, or the one with the usual name. */
  output: z.string().min(1).optional(),
});
