/**
 * What TorchServe's default handlers do, as model.json says it. Source: ts/torch_handler/*.py of pytorch/serve 0.12.
 *
 * Invariant: where a handler leaves something to the caller or to chance, what was chosen is told in a note.
 */
import type { OnnxValue } from '../onnx-file.js';
import { pictureFor, plainPictureFor } from './picture.js';

const HANDLERS = ['image_classifier', 'object_detector', 'image_segmenter', 'text_classifier', 'base_handler'] as const;
export type Handler = (typeof HANDLERS)[number];

/** Hugging Face's file, in place of the vocabulary of TorchServe's text_classifier. */
export const TOKENIZER = 'tokenizer.json';
/** object_detector's. */
const THRESHOLD = 0.5;
const TOP_K = 5;
/** What torchvision's detectors give, and so what the handler looks for. */
const DETECTED = ['boxes', 'labels', 'scores'];
const UNKNOWN =
  'The model has no outputs called boxes, labels and scores: put a model.json into the archive that says which is which.';

export interface Mapped {
  manifest: Record<string, unknown>;
  notes: string[];
}

/** The default handler that is meant; undefined for one of the archive's own. */
export function handlerOf(text: string | undefined, files: ReadonlyMap<string, unknown>): Handler | undefined {
  // As `image_classifier`, `ts/torch_handler/image_classifier.py:handle` or `ts.torch_handler.image_classifier`.
  // Whatever else ends so is a handler of somebody's own.
  const name = /^(?:(?:.*[./\\])?ts[./\\]torch_handler[./\\])?([a-z_]+)(\.py)?(:.*)?$/.exec(text ?? '')?.[1];
  const handler = HANDLERS.find((each) => each === name);
  // A file of that name is code that does something else.
  return handler && !files.has(`${handler}.py`) ? handler : undefined;
}

export interface MarModel {
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  /** The file of class names, where there is one. */
  labels: string | undefined;
}

export function manifestFor(handler: Handler, { inputs, outputs, labels }: MarModel): Mapped {
  const named = labels === undefined ? {} : { labels };
  const [input] = inputs;
  switch (handler) {
    case 'base_handler':
      return { manifest: { task: 'tensor' }, notes: [] };
    case 'image_classifier': {
      const { image, notes } = pictureFor(input);
      const output = { activation: 'softmax', topK: TOP_K, ...named };
      return { manifest: { task: 'image-classification', image, output }, notes };
    }
    case 'object_detector': {
      const { image, notes } = plainPictureFor(input);
      const output = { threshold: THRESHOLD, ...named };
      const known = DETECTED.every((name) => outputs.some((each) => each.name === name));
      return { manifest: { task: 'object-detection', image, output }, notes: known ? notes : [...notes, UNKNOWN] };
    }
    case 'image_segmenter': {
      const { image, notes } = pictureFor(input);
      return { manifest: { task: 'image-segmentation', image, output: { confidence: true, ...named } }, notes };
    }
    case 'text_classifier': {
      const output = { activation: 'softmax', topK: TOP_K, ...named };
      return { manifest: { task: 'text-classification', text: { tokenizer: TOKENIZER }, output }, notes: [] };
    }
  }
}
