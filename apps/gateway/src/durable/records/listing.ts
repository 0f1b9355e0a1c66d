/**
 * Pages of an owner's predictions, the newest first. A filter is applied while the index is walked, and a page ends
 * after so many records looked at, so that a filter that fits nothing costs no more than one that fits all.
 */
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SluiceError, STATUSES, type PredictionRecord } from '#inference';
import { GatewayContext } from '../../context.js';
import { time } from '../../http/time.js';
import { redisAnswers } from '../durable.service.js';
import { predictionJson, shownStatus } from '../prediction-object.js';

const MAX_LIMIT = 100;
const LOOKED_AT = 1_000;
/** Larger outputs are left to the record's own URL. */
const MAX_LISTED_OUTPUT = 16_384;

const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(MAX_LIMIT),
  cursor: z
    .string()
    .regex(/^\d{1,15}\.[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  model: z.string().optional(),
  version: z.string().optional(),
  status: z.enum(STATUSES).optional(),
  created_after: time.optional(),
  created_before: time.optional(),
});
type Filter = z.infer<typeof query>;

export interface PageOptions {
  owner: string;
  base: string;
  query: Record<string, string>;
}

@Injectable()
export class Listing {
  constructor(private readonly context: GatewayContext) {}

  /** `{next, previous, results}` as Replicate's clients page through. @throws INPUT_INVALID */
  async page({ owner, base, query: given }: PageOptions): Promise<string> {
    const parsed = query.safeParse(given);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new SluiceError(
        'INPUT_INVALID',
        `The query's ${issue?.path.join('.')} is not as expected: ${issue?.message}.`,
      );
    }
    const { records, next } = await redisAnswers(this.collect(owner, parsed.data));
    const results = await redisAnswers(Promise.all(records.map((record) => this.listed(record, base))));
    const params = new URLSearchParams({ ...given, cursor: next ?? '' });
    const url = next === undefined ? 'null' : JSON.stringify(`${base}/v1/predictions?${params.toString()}`);
    return `{"next":${url},"previous":null,"results":[${results.join(',')}]}`;
  }

  private async collect(owner: string, filter: Filter): Promise<{ records: PredictionRecord[]; next?: string }> {
    const { ledger } = this.context;
    const records: PredictionRecord[] = [];
    let after = startOf(filter);
    for (let looked = 0; looked < LOOKED_AT;) {
      const { ids, last } = await ledger.newest({
        owner,
        before: filter.created_before,
        after: filter.created_after,
        cursor: after,
        limit: filter.limit,
      });
      looked += ids.length;
      for (const record of await ledger.readListed(ids)) {
        if (!record) continue;
        if (records.length === filter.limit) return { records, next: after! };
        after = `${record.created}.${record.id}`;
        if (fits(record, filter)) records.push(record);
      }
      if (ids.length < filter.limit || last === undefined) return { records };
      after = last;
    }
    return { records, ...(after === undefined ? {} : { next: after }) };
  }

  private async listed(record: PredictionRecord, base: string): Promise<string> {
    const length = (record.outputs ?? []).reduce((sum, output) => sum + ('length' in output ? output.length : 0), 0);
    const output = length > 0 && length <= MAX_LISTED_OUTPUT ? await this.context.ledger.output(record.id) : null;
    return predictionJson({ record, base, output });
  }
}

/** Undefined where the filter itself begins the page: a cursor only ever leads further back. */
function startOf({ cursor, created_before: before = Infinity }: Filter): string | undefined {
  return Number(cursor?.split('.')[0]) < before ? cursor : undefined;
}

function fits({ model, version, status }: PredictionRecord, filter: Filter): boolean {
  if (filter.model !== undefined && filter.model !== model) return false;
  if (filter.version !== undefined && filter.version !== version && filter.version !== `${model}:${version}`)
    return false;
  return filter.status === undefined || filter.status === status || filter.status === shownStatus(status);
}
