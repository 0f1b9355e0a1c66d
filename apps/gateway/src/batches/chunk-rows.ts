/** A chunk's record to its rows, as they are shown: each with its own status, and where its output lies. */
import type { ChunkRow, ForgottenRows, OutputItem, PredictionRecord, Status } from '#inference';
import { outputJson } from '../predictions/answer.js';

type OutputPlace = Extract<OutputItem, { type: string }>;

export interface RowView {
  row: number;
  custom_id?: string;
  name?: string;
  /** `removed`: it has ended, and its record is no longer kept. */
  status: Status | 'removed';
  data_removed?: true;
  error?: { code: string; message: string };
}

interface PlacedRow {
  view: RowView;
  output?: OutputPlace;
}

export function rowsOf(record: PredictionRecord): PlacedRow[] {
  const rows = record.rows ?? record.items.map((): ChunkRow => ({}));
  let item = 0;
  return rows.map(({ id, name, code, message }, i) => {
    const view: RowView = { row: (record.row ?? 0) + i, status: record.status };
    if (id !== undefined) view.custom_id = id;
    if (name !== undefined) view.name = name;
    if (code !== undefined) return { view: failed(view, { code, message: message ?? '' }) };
    const output = record.outputs?.[item++];
    if (output && 'code' in output) return { view: failed(view, output) };
    if (record.code !== undefined) view.error = { code: record.code, message: record.message ?? '' };
    return output ? { view, output } : { view };
  });
}

export function forgottenRows({ row, count }: ForgottenRows): RowView[] {
  return Array.from({ length: count }, (_, i) => ({ row: row + i, status: 'removed', data_removed: true }));
}

/** A row's line in the results. `bytes` is the whole chunk's output; null when it is not there, or no longer. */
export function resultLine(record: PredictionRecord, { view, output }: PlacedRow, bytes: Buffer | null): string {
  const text = JSON.stringify(view).slice(0, -1);
  if (view.status !== 'succeeded') return `${text}}\n`;
  if (!output || !bytes) return `${text},"data_removed":true}\n`;
  const { type, offset, length } = output;
  const items = [{ type, bytes: bytes.subarray(offset, offset + length) }];
  return `${text},"output":${outputJson({ form: 'input', batched: record.batched, items })}}\n`;
}

function failed(view: RowView, error: { code: string; message: string }): RowView {
  return { ...view, status: 'failed', error: { code: error.code, message: error.message } };
}
