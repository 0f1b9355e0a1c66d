/** The tasks that there are: one line and one file for each. A builder throws when the package does not fit it. */
import type { TaskName } from '../../contract/model-description.js';
import { embedding } from './embedding.js';
import { imageClassification } from './image-classification.js';
import { imageSegmentation } from './image-segmentation.js';
import { objectDetection } from './object-detection.js';
import type { Task, TaskContext } from './task.js';
import { tensorTask } from './tensor.js';
import { textClassification } from './text-classification.js';

const TASK_BUILDERS: { [Name in TaskName]: (context: TaskContext<Name>) => Task } = {
  tensor: tensorTask,
  'image-classification': imageClassification,
  'text-classification': textClassification,
  embedding,
  'object-detection': objectDetection,
  'image-segmentation': imageSegmentation,
};

/** @throws Error that says what in the package does not fit the model. */
export function taskOf(context: TaskContext): Task {
  const build = TASK_BUILDERS[context.manifest.task] as (context: TaskContext) => Task;
  return build(context);
}
