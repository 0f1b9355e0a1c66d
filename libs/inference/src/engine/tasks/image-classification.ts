/** The task "image-classification": a picture, or rows of an already normalised tensor, to the best classes. */
import { classifierOf } from './classifier.js';
import { pictureVerbs } from './picture/pictures.js';
import { jsonOf, type Task, type TaskContext } from './task.js';

export function imageClassification(context: TaskContext<'image-classification'>): Task {
  const classifier = classifierOf(context);
  return {
    ...pictureVerbs(context, classifier.input),
    postprocess: (outputs, input) => {
      const rows = Array.from({ length: input.rows }, (_, row) => classifier.classesOf(outputs, row));
      return { kind: 'json', value: input.type === 'image' ? rows[0] : rows };
    },
    encode: jsonOf,
    trialShapes: () => [classifier.trialShape()],
    checkTrial: (outputs) => classifier.checkTrial(outputs),
  };
}
