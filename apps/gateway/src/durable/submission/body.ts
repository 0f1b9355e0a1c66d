/**
 * The JSON of `POST /v1/predictions` and its kin: what is wanted of which model, and who is told.
 *
 * Replicate's clients send `input` as an object always: for a model of one input, or of a picture or a text, an object
 * with one member is taken for that member. What is not known is refused, for a typing error would go unnoticed.
 */
import { z } from 'zod';
import { described, SluiceError, takenBy, type ModelDescription } from '#inference';
import { inputFromParsed } from '../../predictions/json-input.js';
import type { PredictionInput } from '../../predictions/prediction-input.js';

const FORMS = ['input', 'inputs', 'tensors'] as const;

const body = z.strictObject({
  /** Cog's, beside the same in the path. */
  id: z.string().max(128).optional(),
  model: z.string().max(128).optional(),
  version: z.string().max(200).optional(),
  input: z.unknown().optional(),
  inputs: z.unknown().optional(),
  tensors: z.unknown().optional(),
  webhook: z.string().max(2_048).optional(),
  webhook_events_filter: z.array(z.string()).max(8).optional(),
  /** Replicate's; every prediction here has a stream. */
  stream: z.boolean().optional(),
});
export type DurableBody = z.infer<typeof body>;

/** @throws INPUT_INVALID with the member that is wrong. */
export function durableBody(value: unknown): DurableBody {
  const parsed = body.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.');
  throw new SluiceError(
    'INPUT_INVALID',
    value === null || typeof value !== 'object'
      ? `The body is ${described(value)}; an object with "version" or "model", and "input" was expected.`
      : `The body${where ? `'s ${where}` : ''} is not as expected: ${issue?.message ?? 'unreadable'}.`,
  );
}

/** What the path says too must be the same in both. @throws INPUT_INVALID */
export function checkPath({ id, model }: DurableBody, path: { alias?: string; model?: string }): void {
  if (id !== undefined && id !== path.alias) {
    throw new SluiceError(
      'INPUT_INVALID',
      `The body's id is ${JSON.stringify(id.slice(0, 60))}; an id of your own is PUT to /v1/predictions/{id}, and is the same in the body.`,
    );
  }
  // As everywhere the owner before a model's name may be anything.
  if (model === undefined || path.model === undefined || model.split('/').at(-1) === path.model) return;
  throw new SluiceError(
    'INPUT_INVALID',
    `The body's model is ${JSON.stringify(model.slice(0, 60))}, the path's ${JSON.stringify(path.model.slice(0, 60))}; one of the two was expected.`,
  );
}

/** @throws INPUT_INVALID */
export function inputOfBody(content: DurableBody, model: ModelDescription): PredictionInput {
  const given = FORMS.filter((form) => content[form] !== undefined);
  const [form, other] = given;
  if (form === undefined || other !== undefined) {
    throw new SluiceError(
      'INPUT_INVALID',
      `The body has ${given.join(' and ') || 'no input'}; exactly one of "input", "inputs" and "tensors" was expected.`,
    );
  }
  const value = form === 'input' ? bare(content.input, model) : content[form];
  return inputFromParsed({ [form]: value }, model);
}

function bare(input: unknown, { inputs, task }: ModelDescription): unknown {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return input;
  const [[name, value] = [], ...others] = Object.entries(input);
  if (name === undefined || others.length > 0) return input;
  if (takenBy(task) !== 'tensors' && typeof value === 'string') return value;
  return inputs.length === 1 && name === inputs[0]!.name ? value : input;
}
