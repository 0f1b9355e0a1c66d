/** Made-up rows for any model, through what its task takes. */
import { takenBy } from '../../../contract/input-type.js';
import type { Subject } from '../subject.js';
import type { RowKind } from './kinds.js';
import { pictureRows } from './picture-rows.js';
import { tensorRows, type Trial } from './tensor-rows.js';
import { textRows } from './text-rows.js';

export async function madeUpRows({ model, manifest }: Subject, runs: Trial): Promise<RowKind[]> {
  const { description } = model!;
  switch (takenBy(description.task)) {
    case 'image':
      return pictureRows(model!, manifest!.image!);
    case 'text':
      return textRows(description);
    case 'tensors':
      return tensorRows(description, runs);
  }
}
