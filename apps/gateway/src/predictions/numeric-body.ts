/**
 * The usual JSON body, `{"input": numbers}` or `{"inputs": numbers}` for a model of one input, read without building
 * its arrays. Anything else is left to json-input.ts, which gives the same answer more slowly, or the reason for none.
 */
import { encodeFrame, numbersInJson, type ModelDescription } from '#inference';
import type { PredictionInput } from './prediction-input.js';

const HEAD = /^[ \t\r\n]*\{[ \t\r\n]*"(inputs?)"[ \t\r\n]*:[ \t\r\n]*(?=\[)/;
const TAIL = /^[ \t\r\n]*\}[ \t\r\n]*$/;
/** Room for the key and some blanks before the array, and behind it. */
const AROUND = 64;

export function inputFromNumbers(body: Buffer, model: ModelDescription): PredictionInput | undefined {
  const [spec, other] = model.inputs;
  const head = HEAD.exec(body.toString('latin1', 0, AROUND));
  if (!spec || other || !head) return undefined;
  const form = head[1] as 'input' | 'inputs';
  const [, ...row] = spec.shape;
  if (form === 'inputs' && !model.batched) return undefined;
  const shape = form === 'inputs' ? [null, ...row] : model.batched ? row : spec.shape;
  if (shape.length === 0) return undefined;
  const found = numbersInJson(body, head[0].length, { ...spec, shape });
  if (!found || body.length - found.end > AROUND || !TAIL.test(body.toString('latin1', found.end))) return undefined;
  const { tensor } = found;
  if (form === 'input' && model.batched) tensor.shape = [1, ...tensor.shape];
  const rows = model.batched ? tensor.shape[0]! : 1;
  return { form, items: [{ type: 'tensors', rows, bytes: [encodeFrame([tensor])] }] };
}
