/**
 * What the tasks of texts share: a text, or tensors of ids that somebody else has made, to the model's inputs.
 *
 * Invariant: a text is one row.
 */
import { BETWEEN_TEXTS } from '../../../contract/input-type.js';
import type { TextLimits } from '../../../contract/model-description.js';
import { SluiceError } from '../../../errors.js';
import type { ManifestOf } from '../../../packages/manifest.js';
import { TextEncoder } from '../../text/encoder.js';
import { checkTensors } from '../check-tensors.js';
import { jsonOf, type Answer, type Task, type TaskContext } from '../task.js';
import { readFrame } from '../tensor.js';
import type { Mask } from './pooling.js';
import { textFormOf } from './text-form.js';

/** Bytes for each token of maxLength: ten times what a text usually has. */
const BYTES_A_TOKEN = 64;
const MOST_BYTES = 65_536;

export type TextContext = Omit<TaskContext, 'manifest'> & {
  manifest: ManifestOf<'text-classification'> | ManifestOf<'embedding'>;
};

/** What an answer must know of its text beside the outputs. */
export interface TextMemo {
  /** Its tokens among those of the run. */
  mask: Mask | undefined;
  /** Whether something was cut off. */
  cut?: boolean;
}

export interface TextTask extends Omit<Task<TextMemo>, 'postprocess' | 'checkTrial'> {
  text: TextLimits;
}

/** @throws Error that says what in the package does not fit the model. */
export function textTaskOf(context: TextContext, { takesPairs }: { takesPairs: boolean }): TextTask {
  const { manifest, inputs, batched } = context;
  const form = textFormOf(context);
  const spec = manifest.text!;
  if (form.length !== null && (spec.maxLength ?? 0) > form.length) {
    throw new Error(
      `model.json: text.maxLength: came ${spec.maxLength}, expected at most ${form.length}, as the model's rows are that long.`,
    );
  }
  const encoder = encoderOf(context, form.length);
  const { maxLength } = encoder;
  const maxBytes = spec.maxBytes ?? Math.min(MOST_BYTES, BYTES_A_TOKEN * maxLength);
  const text = { maxLength, maxBytes, pairs: takesPairs && encoder.takesPairs };
  return {
    text,
    // Nothing would tell such a model which tokens are padding.
    alone: form.mask === undefined && form.length === null,
    decode: (input) =>
      Promise.resolve(
        input.type === 'tensors'
          ? { kind: 'tensors', tensors: readFrame(input) }
          : { kind: 'tokens', row: encoder.encode(...textsOf(input.bytes, text)) },
      ),
    preprocess: (decoded, rows) => {
      if (decoded.kind === 'tensors') {
        const tensors = checkTensors(decoded.tensors, { inputs, batched, rows });
        return { tensors, memo: { mask: tensors.find(({ name }) => name === form.mask) } };
      }
      if (decoded.kind !== 'tokens') throw new Error('A text decodes to tokens.');
      if (rows !== 1) {
        throw new SluiceError('INPUT_INVALID', `A text is 1 row; ${rows} were announced. Send one text an input.`);
      }
      const { row } = decoded;
      return { tensors: form.tensorsOf(row), memo: { mask: row.ids.length, cut: row.cut } };
    },
    join: (parts) => form.join(parts, encoder.pad),
    encode: jsonOf,
    trialShapes: () => inputs.map(() => [1, form.length ?? maxLength]),
    advice: 'Lower text.maxLength to the positions that the model has, or check text.inputs.',
  };
}

/** One answer for a text; a list for tensors. What was cut off is said, for nobody would notice. */
export function answerOf(
  one: (row: number) => object,
  { rows, type }: { rows: number; type: string },
  memo: TextMemo | undefined,
): Answer {
  if (type === 'tensors') return { kind: 'json', value: Array.from({ length: rows }, (_, row) => one(row)) };
  return { kind: 'json', value: memo?.cut ? { ...one(0), truncated: true } : one(0) };
}

function encoderOf({ manifest, tokenizer }: TextContext, length: number | null): TextEncoder {
  const { maxLength, tokenizer: file } = manifest.text!;
  try {
    const encoder = new TextEncoder(tokenizer, maxLength);
    // What the tokenizer's file says need not fit the model's.
    return length === null || encoder.maxLength <= length ? encoder : new TextEncoder(tokenizer, length);
  } catch (error) {
    throw new Error(`${file} ${(error as Error).message}.`);
  }
}

/** @throws SluiceError INPUT_INVALID */
function textsOf(bytes: Uint8Array, { maxBytes, pairs }: TextLimits): [string, string?] {
  if (bytes.byteLength > maxBytes) {
    throw new SluiceError(
      'INPUT_INVALID',
      `The text has ${bytes.byteLength} bytes; this model takes ${maxBytes} at most. Cut it into passages.`,
    );
  }
  const between = bytes.indexOf(BETWEEN_TEXTS);
  if (between < 0) return [utf8(bytes)];
  if (!pairs) throw new SluiceError('INPUT_INVALID', 'Two texts came; this model takes one. Send each by itself.');
  return [utf8(bytes.subarray(0, between)), utf8(bytes.subarray(between + 1))];
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SluiceError('INPUT_INVALID', 'The text is not UTF-8. Send it in UTF-8.');
  }
}
