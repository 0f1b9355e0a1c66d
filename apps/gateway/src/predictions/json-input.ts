/**
 * JSON bodies to inputs: `{"input": row}`, `{"inputs": [row, …]}` or `{"tensors": {name: whole}}`.
 *
 * Checked here, before the queue, against what the model says of itself: names, dtypes, shapes.
 */
import {
  described,
  encodeFrame,
  SluiceError,
  takenBy,
  tensorFromJson,
  type ModelDescription,
  type Tensor,
  type TensorSpec,
} from '#inference';
import { parseJson } from '../http/parse-json.js';
import { fromBase64 } from './base64.js';
import { inputFromNumbers } from './numeric-body.js';
import type { InputItem, PredictionInput } from './prediction-input.js';
import { MAX_TEXTS, textFromJson } from './text-input.js';

/** Pictures in one `inputs` list: each is an item of its own in a pack. */
const MAX_IMAGES = 64;
const DATA_URL = /^data:[\w/+.-]*;base64,/;
const FORMS = ['input', 'inputs', 'tensors'] as const;

export function inputFromJson(body: Buffer, model: ModelDescription): PredictionInput {
  return inputFromNumbers(body, model) ?? inputFromParsed(parseJson(body), model);
}

/** The same for what is parsed already: an object of exactly one of the three forms. */
export function inputFromParsed(value: unknown, model: ModelDescription): PredictionInput {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new SluiceError(
      'INPUT_INVALID',
      `The body is ${described(value)}; an object with "input", "inputs" or "tensors" was expected.`,
    );
  }
  const keys = Object.keys(value);
  const form = FORMS.find((name) => name === keys[0]);
  if (keys.length !== 1 || !form) {
    const came =
      keys.length === 0
        ? 'an empty object'
        : `an object with ${keys
            .slice(0, 8)
            .map((key) => JSON.stringify(key.slice(0, 40)))
            .join(', ')}`;
    throw new SluiceError(
      'INPUT_INVALID',
      `The body is ${came}; exactly one of "input", "inputs" and "tensors" was expected.`,
    );
  }
  const content = (value as Record<string, unknown>)[form];
  if (form === 'tensors') return { form, items: [wholeTensors(content, model)] };
  if (form === 'input') return { form, items: [oneRow(content, model)] };
  return { form, items: severalRows(content, model) };
}

function oneRow(row: unknown, model: ModelDescription): InputItem {
  const item = ofMedia(row, 'input', model);
  if (item) return item;
  const tensors = model.inputs.map((spec) => {
    const path = model.inputs.length === 1 ? 'input' : `input.${spec.name}`;
    const value = ofInput(row, spec, { model, path: 'input' });
    if (!model.batched) return tensorFromJson({ ...spec, value, path });
    const tensor = tensorFromJson({ ...spec, shape: spec.shape.slice(1), value, path });
    return { ...tensor, shape: [1, ...tensor.shape] };
  });
  return { type: 'tensors', rows: 1, bytes: [encodeFrame(tensors)] };
}

function severalRows(rows: unknown, model: ModelDescription): InputItem[] {
  if (!Array.isArray(rows) || rows.length === 0) {
    throw new SluiceError(
      'INPUT_INVALID',
      `inputs is ${described(rows)}; an array with at least one row was expected.`,
    );
  }
  if (ofMedia(rows[0], 'inputs[0]', model)) return severalMedia(rows, model);
  if (!model.batched) {
    throw new SluiceError(
      'INPUT_INVALID',
      `Model "${model.name}" has no batch axis: send "input" or "tensors" instead of "inputs".`,
    );
  }
  const tensors = model.inputs.map((spec) => {
    const single = model.inputs.length === 1;
    const value = single ? rows : rows.map((row, i) => ofInput(row, spec, { model, path: `inputs[${i}]` }));
    return tensorFromJson({
      ...spec,
      shape: [null, ...spec.shape.slice(1)],
      value,
      path: single ? 'inputs' : `inputs[].${spec.name}`,
    });
  });
  return [{ type: 'tensors', rows: rows.length, bytes: [encodeFrame(tensors)] }];
}

/** A picture or a text, whichever the model takes; undefined for what is read as numbers. */
function ofMedia(row: unknown, path: string, model: ModelDescription): InputItem | undefined {
  switch (takenBy(model.task)) {
    case 'image':
      return typeof row === 'string' ? image(row, path) : undefined;
    case 'text':
      return textFromJson(row, path, model);
    case 'tensors':
      return undefined;
  }
}

function severalMedia(rows: readonly unknown[], model: ModelDescription): InputItem[] {
  const [most, name] =
    takenBy(model.task) === 'text' ? ([MAX_TEXTS, 'texts'] as const) : ([MAX_IMAGES, 'pictures'] as const);
  if (rows.length > most) {
    throw new SluiceError(
      'INPUT_INVALID',
      `inputs is ${described(rows)}; at most ${most} ${name} a request were expected.`,
    );
  }
  return rows.map((row, i) => {
    const item = name === 'pictures' ? image(row, `inputs[${i}]`) : textFromJson(row, `inputs[${i}]`, model);
    if (item) return item;
    throw new SluiceError(
      'INPUT_INVALID',
      `inputs[${i}] is ${described(row)}; a text was expected, as inputs[0] is one.`,
    );
  });
}

function wholeTensors(content: unknown, model: ModelDescription): InputItem {
  const tensors = model.inputs.map((spec): Tensor => {
    const value = byName(content, spec, { model, path: 'tensors' });
    const shape = model.batched ? [null, ...spec.shape.slice(1)] : spec.shape;
    return tensorFromJson({ ...spec, shape, value, path: `tensors.${spec.name}` });
  });
  if (!model.batched) return { type: 'tensors', rows: 1, bytes: [encodeFrame(tensors)] };
  const rows = tensors[0]!.shape[0]!;
  const other = tensors.find((tensor) => tensor.shape[0] !== rows);
  if (other) {
    throw new SluiceError(
      'INPUT_INVALID',
      `tensors.${tensors[0]!.name} has ${rows} rows and tensors.${other.name} has ${other.shape[0]}; equal numbers were expected.`,
    );
  }
  if (rows === 0)
    throw new SluiceError('INPUT_INVALID', `tensors.${tensors[0]!.name} has no rows; at least one was expected.`);
  return { type: 'tensors', rows, bytes: [encodeFrame(tensors)] };
}

interface Place {
  model: ModelDescription;
  path: string;
}

/** A model of one input takes its row bare, a model of several takes an object by input name. */
function ofInput(row: unknown, spec: TensorSpec, place: Place): unknown {
  return place.model.inputs.length === 1 ? row : byName(row, spec, place);
}

function byName(value: unknown, spec: TensorSpec, { model, path }: Place): unknown {
  const names = model.inputs.map((input) => input.name);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new SluiceError(
      'INPUT_INVALID',
      `${path} is ${described(value)}; an object with ${names.join(', ')} was expected.`,
    );
  }
  // onnxruntime ignores names it does not know, so a typing error would go unnoticed.
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new SluiceError(
      'INPUT_INVALID',
      `${path} has "${unknown.slice(0, 40)}", which the model does not take; it takes ${names.join(', ')}.`,
    );
  }
  if (!Object.hasOwn(value, spec.name)) {
    throw new SluiceError('INPUT_INVALID', `${path} lacks "${spec.name}"; the model takes ${names.join(', ')}.`);
  }
  return (value as Record<string, unknown>)[spec.name];
}

/** A picture in JSON is base64, bare or as a data URL. */
function image(value: unknown, path: string): InputItem {
  const bytes = typeof value === 'string' ? fromBase64(value.replace(DATA_URL, '')) : undefined;
  if (bytes) return { type: 'image', rows: 1, bytes: [bytes] };
  throw new SluiceError('INPUT_INVALID', `${path} is ${described(value)}; a picture in base64 was expected.`);
}
