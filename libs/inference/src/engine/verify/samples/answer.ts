/** What the service would answer to a sample: docs/models.md, "Requests". */
import { concatRows, signatureOf, type Tensor } from '../../../tensor/frame.js';
import { tensorToJson } from '../../../tensor/to-json.js';
import type { RowRunner } from '../row-runner.js';
import type { Sample } from './sample-files.js';

/**
 * With the raw outputs under `tensors` in any case.
 * @throws Error when an input is refused, or a run fails.
 */
export async function answerTo({ form, inputs }: Sample, rows: RowRunner): Promise<Record<string, unknown>> {
  const { batched } = rows.model.description;
  const outputs: Tensor[][] = [];
  const values: unknown[] = [];
  for (const input of inputs) {
    const { ran, json } = await rows.answer(input);
    outputs.push(ran.outputs);
    // A task answers a list to whole tensors, one value a row.
    if (json !== undefined) values.push(...(Array.isArray(json) ? (json as unknown[]) : [json]));
  }
  const tensors = Object.fromEntries(joined(outputs, batched).map((tensor) => [tensor.name, parsed(tensor)]));
  if (values.length > 0) {
    const isOne = form === 'bytes' || form === 'input';
    return { tensors, ...(isOne ? (values[0] as object) : { outputs: values }) };
  }
  const listed = Object.values(tensors);
  if (form === 'tensors') return { tensors };
  if (!batched) return { tensors, output: listed.length === 1 ? listed[0] : tensors };
  const answers = (listed[0] as unknown[]).map((_, row) => {
    const columns = Object.entries(tensors).map(([name, tensor]) => [name, (tensor as unknown[])[row]] as const);
    return columns.length === 1 ? columns[0]![1] : Object.fromEntries(columns);
  });
  return form === 'inputs' ? { tensors, outputs: answers } : { tensors, output: answers[0] };
}

/** The outputs of several rows as one; none where they are as long as their texts. */
function joined(outputs: readonly Tensor[][], batched: boolean): Tensor[] {
  const [first] = outputs as [Tensor[]];
  if (!batched || outputs.length === 1) return first;
  const signature = signatureOf(first, true);
  if (outputs.some((each) => signatureOf(each, true) !== signature)) return [];
  return first.map((_, i) => concatRows(outputs.map((each) => each[i]!)));
}

/** Through its text, so that it is compared as a caller would read it. */
function parsed(tensor: Tensor): unknown {
  return JSON.parse(tensorToJson(tensor));
}
