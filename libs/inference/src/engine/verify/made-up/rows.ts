/** Made-up rows for any model, through what its task takes. */
import type { Subject } from '../subject.js';
import type { RowKind } from './kinds.js';
import { pictureRows } from './picture-rows.js';
import { tensorRows, type Trial } from './tensor-rows.js';

export function madeUpRows({ model, manifest }: Subject, runs: Trial): Promise<RowKind[]> {
  const image = manifest?.image;
  if (image) return Promise.resolve(pictureRows(model!, image));
  return tensorRows(model!.description, runs);
}
