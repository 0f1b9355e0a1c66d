/**
 * Outputs to the JSON of the native API. Laid out as the question was: `input` → `output`, `inputs` → `outputs`,
 * `tensors` → `tensors`; a classifier's single answer is spread at the top, so that `prediction` stays where the
 * tutorials' clients read it. Text is put together from the parts that the executor and the tensors gave.
 */
import { decodeFrame, rowsToJson, tensorToJson, type OutputType, type RunMetrics, type Tensor } from '#inference';
import type { Reply } from './pending-prediction.js';
import type { InputForm } from './prediction-input.js';

export interface Outputs {
  form: InputForm;
  /** Whether the model has a batch axis. */
  batched: boolean;
  /** One per item of the input, in order. */
  items: { type: OutputType; bytes: Buffer }[];
}

export interface AnswerParts extends Outputs {
  model: string;
  version: string;
  metrics: RunMetrics;
  totalMs: number;
}

export function answerJson({ model, version, metrics, totalMs, ...outputs }: AnswerParts): string {
  const head = `"model":${JSON.stringify(model)},"version":${JSON.stringify(version)}`;
  const { queue_ms, batch_wait_ms, preprocess_ms, infer_ms, ...batch } = metrics;
  const total_ms = Math.round(totalMs * 1_000) / 1_000;
  const told = JSON.stringify({ queue_ms, batch_wait_ms, preprocess_ms, infer_ms, total_ms, ...batch });
  return `{${members(outputs)},${head},"metrics":${told}}`;
}

/** The one value that an input's answer is: what stands under `output` of a durable prediction. */
export function outputJson(outputs: Outputs): string {
  const isClasses = outputs.items[0]?.type === 'json';
  if (isClasses && !isList(outputs.form)) return lists(outputs)[0]!;
  const text = members(outputs);
  return text.slice(text.indexOf(':') + 1);
}

/** Of several replies the slowest counts, for the answer waited for it. */
export function metricsOf(replies: readonly Reply[]): RunMetrics {
  const slowest = replies.reduce((a, b) =>
    b.result.queue_ms + b.result.batch_wait_ms > a.result.queue_ms + a.result.batch_wait_ms ? b : a,
  );
  const { result, batch, worker } = slowest;
  return {
    queue_ms: result.queue_ms,
    batch_wait_ms: result.batch_wait_ms,
    preprocess_ms: result.preprocess_ms,
    infer_ms: batch.infer_ms,
    batch_size: batch.size,
    release_reason: batch.release_reason,
    worker,
  };
}

/** Members of the answer's object, without its braces. */
function members(outputs: Outputs): string {
  if (outputs.items[0]?.type !== 'json') return tensors(outputs);
  return isList(outputs.form) ? `"outputs":[${lists(outputs).join(',')}]` : lists(outputs)[0]!.slice(1, -1);
}

function isList(form: InputForm): boolean {
  return form === 'inputs' || form === 'tensors';
}

/** Each item's classes, without the brackets of a list. */
function lists({ items }: Outputs): string[] {
  return items.map(({ bytes }) => {
    const text = bytes.toString('utf8');
    return text.startsWith('[') ? text.slice(1, -1) : text;
  });
}

function tensors({ form, batched, items }: Outputs): string {
  const frame = decodeFrame(items[0]!.bytes);
  if (form === 'tensors') return `"tensors":${object(frame.map((tensor) => [tensor.name, tensorToJson(tensor)]))}`;
  if (!batched) return `"output":${row(frame, frame.map(tensorToJson))}`;
  const columns = frame.map(rowsToJson);
  const rows = columns[0]!.map((_, i) =>
    row(
      frame,
      columns.map((column) => column[i]!),
    ),
  );
  return form === 'inputs' ? `"outputs":[${rows.join(',')}]` : `"output":${rows[0]!}`;
}

/** A model of one output answers with its row bare, a model of several with an object by output name. */
function row(frame: readonly Tensor[], texts: readonly string[]): string {
  return frame.length === 1 ? texts[0]! : object(frame.map((tensor, i) => [tensor.name, texts[i]!]));
}

function object(members: [name: string, text: string][]): string {
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}
