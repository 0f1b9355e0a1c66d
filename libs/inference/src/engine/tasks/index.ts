/** The tasks that there are: one line and one file for each. A builder throws when the package does not fit it. */
import type { Manifest } from '../../packages/manifest.js';
import { embedding } from './embedding.js';
import { imageClassification } from './image-classification.js';
import type { Task, TaskContext } from './task.js';
import { tensorTask } from './tensor.js';
import { textClassification } from './text-classification.js';

export const TASK_BUILDERS: Record<Manifest['task'], (context: TaskContext) => Task> = {
  tensor: tensorTask,
  'image-classification': imageClassification,
  'text-classification': textClassification,
  embedding,
};
