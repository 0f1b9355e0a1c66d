/** The kinds of input that cross Redis and the executor's pipe, and which of them a task's models are sent. */
import type { TaskName } from './model-description.js';

/**
 * `tensors` is a frame (tensor/frame.ts); `image` an encoded picture; `text` a text in UTF-8, or two with the byte FF
 * between, which UTF-8 never has.
 */
export const INPUT_TYPES = ['tensors', 'image', 'text'] as const;
export type InputType = (typeof INPUT_TYPES)[number];

/** Between the two texts of a pair. */
export const BETWEEN_TEXTS = 0xff;

const TAKEN: Record<TaskName, InputType> = {
  tensor: 'tensors',
  'image-classification': 'image',
  'object-detection': 'image',
  'image-segmentation': 'image',
  'text-classification': 'text',
  embedding: 'text',
};

/** What a caller sends to models of this task, who may send tensors to every one. */
export function takenBy(task: TaskName): InputType {
  return TAKEN[task];
}
