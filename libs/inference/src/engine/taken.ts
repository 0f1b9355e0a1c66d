/** Whether an input is of a kind that its model takes. A gateway sees to it; what comes from elsewhere is told here. */
import type { ExecutorInput } from '../contract/executor-messages.js';
import { takenBy, type InputType } from '../contract/input-type.js';
import type { ModelDescription } from '../contract/model-description.js';
import { SluiceError } from '../errors.js';

const NAMES: Record<InputType, string> = { tensors: 'tensors', image: 'a picture', text: 'a text' };
const HOW: Record<InputType, string> = {
  tensors: 'Send {"inputs": …} or {"tensors": …}.',
  image: 'Send its bytes.',
  text: 'Send {"input": "…"}.',
};

/** @throws SluiceError INPUT_INVALID. Tensors are taken by every model. */
export function checkTaken({ type }: Pick<ExecutorInput, 'type'>, task: ModelDescription['task']): void {
  const taken = takenBy(task);
  if (type === 'tensors' || type === taken) return;
  const came = NAMES[type].replace(/^a/, 'A');
  throw new SluiceError('INPUT_INVALID', `${came} came; this model takes ${NAMES[taken]}. ${HOW[taken]}`);
}
