/**
 * A bulk run as Redis keeps it, under `batch:<id>`. Its rows lie in chunks, which are predictions of the lane `bulk`;
 * here is what belongs to the whole: who it is from, how many rows are safe, how many stand where.
 *
 * open → sealed → completed; open | sealed → canceled. What was canceled has ended when none of its rows live any more.
 * The hash is written by the scripts in ledger/ alone.
 */
import { z } from 'zod';

/** One job of the bulk lane, and one record: rows are cheap only in company. */
export const MAX_CHUNK_ROWS = 64;
export const MAX_CHUNK_BYTES = 8 * 1024 * 1024;

export const BATCH_STATES = ['open', 'sealed', 'completed', 'canceled'] as const;
export type BatchState = (typeof BATCH_STATES)[number];

/** What never changes. */
export const batchHead = z.object({
  owner: z.string(),
  model: z.string(),
  version: z.string(),
  /** packageMark of what its rows are for. */
  package: z.string().optional(),
  /** Request id of the creation, for log lines. */
  request: z.string(),
  created: z.number().int(),
  /** Milliseconds that the record is kept after its end, or after the last rows of one that was never sealed. */
  keepRecord: z.number().int().positive(),
  webhook: z.string().optional(),
});
export type BatchHead = z.infer<typeof batchHead>;

const number = z.coerce.number();
const count = number.default(0);

export const batchFields = z.object({
  state: z.enum(BATCH_STATES),
  /** Ended so often: a chunk that is run again by hand opens a completed batch once more. */
  generation: number,
  /** Rows that are safe, from the first on. */
  committed: number,
  started: number.optional(),
  completed: number.optional(),
  /** Rows by status. */
  starting: count,
  processing: count,
  succeeded: count,
  failed: count,
  canceled: count,
  aborted: count,
});

export type BatchRecord = { id: string } & BatchHead & z.infer<typeof batchFields>;

/** @throws when the hash is not a batch of this build. */
export function parseBatch(id: string, hash: Record<string, string>): BatchRecord {
  const { head = '', ...fields } = hash;
  return { id, ...batchHead.parse(JSON.parse(head)), ...batchFields.parse(fields) };
}
