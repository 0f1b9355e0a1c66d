/**
 * Replies to the JSON of the native API. Laid out as the question was: `input` → `output`, `inputs` → `outputs`,
 * `tensors` → `tensors`; a classifier's single answer is spread at the top, so that `prediction` stays where the
 * tutorials' clients read it. Text is put together from the parts that the executor and the tensors gave.
 */
import { decodeFrame, rowsToJson, tensorToJson, type ModelDescription, type Tensor } from '#inference';
import type { Reply } from './pending-prediction.js';
import type { InputForm } from './prediction-input.js';

export interface AnswerParts {
  form: InputForm;
  model: ModelDescription;
  /** One per item of the input, in order. */
  replies: Reply[];
  totalMs: number;
}

export function answerJson({ form, model, replies, totalMs }: AnswerParts): string {
  const body = replies[0]!.result.type === 'json' ? classes(form, replies) : tensors(form, model, replies);
  const name = JSON.stringify(model.name);
  const version = JSON.stringify(model.version);
  return `{${body},"model":${name},"version":${version},"metrics":${metrics(replies, totalMs)}}`;
}

/** Members of the answer's object, without its braces. */
function classes(form: InputForm, replies: readonly Reply[]): string {
  const texts = replies.map((reply) => reply.bytes.toString('utf8'));
  const lists = texts.map((text) => (text.startsWith('[') ? text.slice(1, -1) : text));
  if (form === 'inputs' || form === 'tensors') return `"outputs":[${lists.join(',')}]`;
  return lists[0]!.slice(1, -1);
}

function tensors(form: InputForm, model: ModelDescription, replies: readonly Reply[]): string {
  const frame = decodeFrame(replies[0]!.bytes);
  if (form === 'tensors') return `"tensors":${object(frame.map((tensor) => [tensor.name, tensorToJson(tensor)]))}`;
  if (!model.batched) return `"output":${row(frame, frame.map(tensorToJson))}`;
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

/** Of several items the slowest counts, for the answer waited for it. */
function metrics(replies: readonly Reply[], totalMs: number): string {
  const slowest = replies.reduce((a, b) =>
    b.result.queue_ms + b.result.batch_wait_ms > a.result.queue_ms + a.result.batch_wait_ms ? b : a,
  );
  const { result, batch, worker } = slowest;
  return JSON.stringify({
    queue_ms: result.queue_ms,
    batch_wait_ms: result.batch_wait_ms,
    preprocess_ms: result.preprocess_ms,
    infer_ms: batch.infer_ms,
    total_ms: Math.round(totalMs * 1_000) / 1_000,
    batch_size: batch.size,
    release_reason: batch.release_reason,
    worker,
  });
}
