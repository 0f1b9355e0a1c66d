/**
 * A durable prediction as JSON: the keys and statuses that Replicate's clients know, and what they do not know beside
 * them (`state`, `error_code`, `queue`, `attempts`).
 *
 * `status` is never `aborted`, on which the official client polls for ever: a prediction that never started in its time
 * is `canceled` with a code in `error`, and `state` says it exactly. Outputs are put in as text, never parsed.
 */
import {
  BETWEEN_TEXTS,
  decodeFrame,
  modelKey,
  rowsToJson,
  tensorToJson,
  type PredictionRecord,
  type Status,
  type Tensor,
} from '#inference';
import { outputJson } from '../predictions/answer.js';

/** Larger inputs are given as a URL: they are the caller's own, and cost more to write than all the rest. */
const MAX_INLINE_INPUT = 1_024;

export interface QueuePlace {
  position: number;
  eta_ms: number | null;
}

export interface PredictionView {
  record: PredictionRecord;
  /** Under which id it is shown: a client's own where it asked by that. */
  id?: string;
  /** What URLs begin with; '' makes them paths. */
  base: string;
  /** Bytes of input and output, where they were read and are still there. */
  input?: Buffer | null;
  output?: Buffer | null;
  queue?: QueuePlace | undefined;
}

/** Whether the input of this record is shown in the object. */
export function isInputInline({ items, inputBytes, removed }: PredictionRecord): boolean {
  return removed === undefined && inputBytes <= MAX_INLINE_INPUT && items[0] !== undefined && items[0].type !== 'image';
}

export function predictionJson(view: PredictionView): string {
  const { record, base, queue } = view;
  const url = `${base}/v1/predictions/${record.id}`;
  const head = JSON.stringify({
    id: view.id ?? record.id,
    model: record.model,
    version: modelKey(record.model, record.version),
    status: shownStatus(record.status),
    state: record.status,
    error: errorOf(record),
    error_code: record.code ?? null,
    logs: '',
    source: 'api',
    data_removed: record.removed !== undefined,
    created_at: iso(record.created),
    started_at: iso(record.started),
    completed_at: iso(record.completed),
    deadline: iso(record.deadline),
    attempts: record.attempts,
    metrics: metricsOf(record),
    queue: record.status === 'starting' ? (queue ?? { position: null, eta_ms: null }) : null,
    ...(record.dead === undefined ? {} : { dead_letter: { reason: record.dead, input_sha256: record.digest } }),
    ...(record.webhook === undefined ? {} : { webhook: record.webhook, webhook_events_filter: record.events }),
    urls: {
      get: url,
      cancel: `${url}/cancel`,
      stream: `${url}/events`,
      input: `${url}/input`,
      deliveries: `${url}/deliveries`,
    },
  });
  return `${head.slice(0, -1)},"input":${inputOf(view, url)},"output":${outputOf(view)}}`;
}

/** Of a list or a webhook too: no client that stops at Replicate's terminal statuses must be left waiting. */
export function shownStatus(status: Status): Status {
  return status === 'aborted' ? 'canceled' : status;
}

/** A string, as Replicate's clients show it; its first word is the stable code. */
function errorOf({ code, message }: PredictionRecord): string | null {
  return code === undefined ? null : `${code}: ${message ?? ''}`;
}

function metricsOf({ metrics, created, completed }: PredictionRecord): object {
  if (!metrics) return {};
  const total_ms = (completed ?? created) - created;
  return { predict_time: metrics.infer_ms / 1_000, total_time: total_ms / 1_000, ...metrics, total_ms };
}

function inputOf({ record, input }: PredictionView, url: string): string {
  if (record.removed !== undefined) return 'null';
  if (!input || !isInputInline(record)) return JSON.stringify({ url: `${url}/input` });
  return inputJson(record, input);
}

/** The input's value as it was given: a row, rows, whole tensors by name, or texts. */
export function inputJson({ form, batched, items }: PredictionRecord, payload: Buffer): string {
  if (items[0]?.type === 'text') {
    const texts = items.map(({ offset, length }) => textOf(payload.subarray(offset, offset + length)));
    return JSON.stringify(form === 'inputs' || texts.length > 1 ? texts : texts[0]);
  }
  const frame = decodeFrame(payload.subarray(items[0]!.offset, items[0]!.offset + items[0]!.length));
  if (form === 'tensors') return object(frame, frame.map(tensorToJson));
  if (!batched) return frame.length === 1 ? tensorToJson(frame[0]!) : object(frame, frame.map(tensorToJson));
  const columns = frame.map(rowsToJson);
  const rows = columns[0]!.map((text, i) =>
    frame.length === 1
      ? text
      : object(
          frame,
          columns.map((column) => column[i]!),
        ),
  );
  return form === 'inputs' ? `[${rows.join(',')}]` : rows[0]!;
}

/** A text, or both of a pair. */
function textOf(bytes: Buffer): string | [string, string] {
  const between = bytes.indexOf(BETWEEN_TEXTS);
  return between < 0 ? bytes.toString() : [bytes.toString('utf8', 0, between), bytes.toString('utf8', between + 1)];
}

function object(frame: readonly Tensor[], texts: readonly string[]): string {
  return `{${frame.map((tensor, i) => `${JSON.stringify(tensor.name)}:${texts[i]!}`).join(',')}}`;
}

function outputOf({ record, output }: PredictionView): string {
  if (!output || !record.outputs) return 'null';
  return outputJson({ ...record, items: outputItems(record, output) });
}

/** The outputs of a record as they are cut out of its result. */
export function outputItems(
  { outputs = [] }: PredictionRecord,
  result: Buffer,
): { type: 'tensors' | 'json'; bytes: Buffer }[] {
  return outputs.flatMap((item) =>
    'type' in item ? [{ type: item.type, bytes: result.subarray(item.offset, item.offset + item.length) }] : [],
  );
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
