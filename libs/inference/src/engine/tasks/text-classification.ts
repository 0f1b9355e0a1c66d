/** The task "text-classification": a text, or a pair of them, or rows of ids, to the best classes. */
import { checkClasses } from './classifier.js';
import { classify } from './scores.js';
import type { Task, TaskContext } from './task.js';
import { answerOf, textTaskOf, type TextMemo } from './text/text-task.js';

/** @throws Error that says what in the package does not fit the model. */
export function textClassification(context: TaskContext<'text-classification'>): Task<TextMemo> {
  const { manifest, labels, outputs } = context;
  const check = ([output]: readonly Pick<TaskContext['outputs'][number], 'name' | 'dtype' | 'shape'>[]): void => {
    checkClasses(output!, labels);
    if (manifest.output.activation === 'softmax' && output!.shape.length > 1 && output!.shape.at(-1) === 1) {
      throw new Error(
        `The model's first output "${output!.name}" is one score a text, of which softmax makes 1 always.` +
          ' Set "output": {"activation": "sigmoid"} in model.json, or "none".',
      );
    }
  };
  check(outputs);
  const how = { ...manifest.output, names: labels };
  return {
    ...textTaskOf(context, { takesPairs: true }),
    postprocess: ([output], input, memo) => answerOf((row) => classify(output!, row, how), input, memo),
    checkTrial: check,
  };
}
