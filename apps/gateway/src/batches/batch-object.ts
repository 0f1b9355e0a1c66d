/** A batch as it is shown. */
import type { BatchRecord } from '#inference';

export interface BatchObject {
  status: string;
  urls: Record<'get' | 'rows' | 'results' | 'cancel', string>;
  [more: string]: unknown;
}

export function batchObject(batch: BatchRecord, { base, now }: { base: string; now: number }): BatchObject {
  const { id, model, version, starting, processing, succeeded, failed, canceled, aborted } = batch;
  const url = `${base}/v1/batches/${id}`;
  return {
    id,
    model,
    version,
    status: statusOf(batch),
    committed: batch.committed,
    rows: { starting, processing, succeeded, failed, canceled, aborted },
    created_at: iso(batch.created),
    started_at: iso(batch.started),
    completed_at: iso(batch.completed),
    eta_ms: etaMs(batch, now),
    webhook: batch.webhook ?? null,
    urls: { get: url, rows: `${url}/rows`, results: `${url}/results`, cancel: `${url}/cancel` },
  };
}

/** `open` takes rows (and runs those it has), `processing` takes no more, `canceling` still has rows in hand. */
function statusOf({ state, completed }: BatchRecord): string {
  if (state === 'sealed') return 'processing';
  return state === 'canceled' && completed === undefined ? 'canceling' : state;
}

/** By how fast its rows have ended so far; null while nothing is known, and once it has ended. */
function etaMs(batch: BatchRecord, now: number): number | null {
  const left = batch.starting + batch.processing;
  const done = batch.committed - left;
  if (batch.completed !== undefined || batch.started === undefined || done === 0) return null;
  return Math.ceil((left * Math.max(0, now - batch.started)) / done);
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
