/**
 * The body of a `POST /predict` to what an executor is given: the forms that docs/models.md describes. A gateway does the
 * same and says more about what is wrong; the engine does not know gateways.
 */
import type { ExecutorInput } from '../../../contract/executor-messages.js';
import { BETWEEN_TEXTS, takenBy } from '../../../contract/input-type.js';
import type { ModelDescription, TensorSpec } from '../../../contract/model-description.js';
import { encodeFrame, type Tensor } from '../../../tensor/frame.js';
import { described, tensorFromJson } from '../../../tensor/from-json.js';

/** How the input is spelled, which decides how the answer is laid out; `bytes`: a picture or a text. */
export type Form = 'bytes' | 'input' | 'inputs' | 'tensors';

export interface SampleInput {
  form: Form;
  inputs: ExecutorInput[];
}

const BETWEEN = Uint8Array.of(BETWEEN_TEXTS);
const FORMS = ['input', 'inputs', 'tensors'] as const;
const MEDIA = [
  { is: /^image\//, type: 'image' },
  { is: /^text\/plain$/, type: 'text' },
] as const;
const DATA_URL = /^data:[\w/+.-]*;base64,/;

/** @throws Error that says what came and what was expected. */
export function sampleInput(body: Buffer, contentType: string, model: ModelDescription): SampleInput {
  const media = contentType.split(';')[0]!.trim().toLowerCase();
  if (media !== 'application/json') {
    const type = MEDIA.find(({ is }) => is.test(media))?.type;
    if (type) return { form: 'bytes', inputs: [{ type, rows: 1, bytes: body }] };
    throw new Error(
      `the content type "${contentType.slice(0, 80)}" is none of application/json, image/* and text/plain.`,
    );
  }
  const value: unknown = JSON.parse(body.toString('utf8'));
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const form = FORMS.find((each) => each === keys[0]);
  if (keys.length !== 1 || !form) {
    throw new Error(`it is ${described(value)}; an object with one of "input", "inputs" and "tensors" was expected.`);
  }
  return { form, inputs: inputsOf(form, (value as Record<string, unknown>)[form], model) };
}

function inputsOf(form: (typeof FORMS)[number], content: unknown, model: ModelDescription): ExecutorInput[] {
  const { inputs: specs, batched } = model;
  if (form === 'tensors') {
    const tensors = specs.map((spec) => {
      const shape = batched ? [null, ...spec.shape.slice(1)] : spec.shape;
      return tensorFromJson({ ...spec, shape, value: member(content, spec), path: `tensors.${spec.name}` });
    });
    return [framed(tensors, batched ? tensors[0]!.shape[0]! : 1)];
  }
  const rows = form === 'input' ? [content] : content;
  if (!Array.isArray(rows) || rows.length === 0)
    throw new Error('inputs: an array with at least one row was expected.');
  return rows.map((row: unknown) => {
    const medium = mediumOf(row, model);
    if (medium) return medium;
    const tensors = specs.map((spec): Tensor => {
      const value = specs.length === 1 ? row : member(row, spec);
      if (!batched) return tensorFromJson({ ...spec, value, path: form });
      const tensor = tensorFromJson({ ...spec, shape: spec.shape.slice(1), value, path: form });
      return { ...tensor, shape: [1, ...tensor.shape] };
    });
    return framed(tensors, 1);
  });
}

/** A picture or a text in JSON, or two texts; undefined for what is read as numbers. */
function mediumOf(row: unknown, { task }: ModelDescription): ExecutorInput | undefined {
  const type = takenBy(task);
  if (type === 'image' && typeof row === 'string') {
    return { type, rows: 1, bytes: Buffer.from(row.replace(DATA_URL, ''), 'base64') };
  }
  const texts = type === 'text' ? [row].flat() : [];
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string')) return undefined;
  const [first, ...others] = texts.map((text) => Buffer.from(text));
  return { type: 'text', rows: 1, bytes: Buffer.concat([first!, ...others.flatMap((text) => [BETWEEN, text])]) };
}

function framed(tensors: readonly Tensor[], rows: number): ExecutorInput {
  return { type: 'tensors', rows, bytes: encodeFrame(tensors) };
}

function member(content: unknown, { name }: TensorSpec): unknown {
  if (typeof content === 'object' && content !== null && Object.hasOwn(content, name)) {
    return (content as Record<string, unknown>)[name];
  }
  throw new Error(`the input "${name}" of the model is missing.`);
}
