/** What a request asks to be predicted, whatever dialect or body it came in. */
import type { InputType } from '#inference';

/**
 * How the caller spelled it, which decides how the answer is laid out: `bytes` (a body or a form's file), one `input`
 * without the batch axis, several `inputs`, or whole `tensors` with the batch axis.
 */
export type InputForm = 'bytes' | 'input' | 'inputs' | 'tensors';

export interface InputItem {
  type: InputType;
  rows: number;
  /** In the pieces in which they came, which are never joined on their way. */
  bytes: readonly Uint8Array[];
}

export interface PredictionInput {
  form: InputForm;
  items: InputItem[];
}
