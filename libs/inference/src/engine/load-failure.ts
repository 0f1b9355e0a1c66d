/** What to do about a model that onnxruntime does not load, where its own words do not say it. */
import { elementTypeOf } from '../packages/onnx/values.js';
import { DTYPES } from '../tensor/dtype.js';

/** @param said onnxruntime's message, without paths. */
export function loadFailure(said: string): string {
  // Said of the model's inputs and outputs alone; within it the type may be used.
  const type = /^Unsupported data type: (\d+)$/.exec(said)?.[1];
  if (type !== undefined) {
    const holds = elementTypeOf(Number(type));
    return `An input or output holds ${holds}; expected one of ${DTYPES.join(', ')}. Add a Cast to the model.`;
  }
  const locale = /Failed to construct locale with name:([\w.@-]+?):/.exec(said)?.[1];
  if (locale !== undefined) {
    return (
      `The model's StringNormalizer asks for the locale ${locale}, which this machine does not have. Export it with one` +
      ' that every machine has, scikit-learn\'s with options={id(vectorizer): {"locale": "C.UTF-8"}}, or install it' +
      ' (Debian: apt-get install locales; localedef -i en_US -f UTF-8 en_US.UTF-8).'
    );
  }
  return `onnxruntime cannot load the model file: ${said}`;
}
