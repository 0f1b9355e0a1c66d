/** Rows of a batch as it stands, in order: pages of their statuses, and all of them with their outputs as JSON lines. */
import { Injectable } from '@nestjs/common';
import { isTerminal, MAX_CHUNK_ROWS, type PredictionRecord } from '#inference';
import { GatewayContext } from '../context.js';
import { redisAnswers } from '../durable/durable.service.js';
import { resultLine, rowsOf, type RowView } from './chunk-rows.js';

/** Records read at once; their outputs are read one by one. */
const CHUNKS_AT_ONCE = 8;

export interface ResultsFrom {
  row: number;
  /** Stop at the first row that has not ended, for a reader who comes again for the rest. */
  endedOnly: boolean;
}

@Injectable()
export class BatchResults {
  constructor(private readonly context: GatewayContext) {}

  /** Rows from `row` on, and where the next page begins. */
  async page(
    batch: string,
    { row, limit }: { row: number; limit: number },
  ): Promise<{ rows: RowView[]; next?: number }> {
    const rows: RowView[] = [];
    for await (const record of this.chunks(batch, row)) {
      for (const { view } of rowsOf(record)) {
        if (view.row < row) continue;
        if (rows.length === limit) return { rows, next: view.row };
        rows.push(view);
      }
    }
    return { rows };
  }

  /** A chunk's lines at a time, so that no more than one is in memory. */
  async *lines(batch: string, { row, endedOnly }: ResultsFrom): AsyncGenerator<string> {
    for await (const record of this.chunks(batch, row)) {
      if (endedOnly && !isTerminal(record.status)) return;
      const bytes = record.status === 'succeeded' ? await redisAnswers(this.context.ledger.output(record.id)) : null;
      const wanted = rowsOf(record).filter(({ view }) => view.row >= row);
      yield wanted.map((each) => resultLine(record, each, bytes)).join('');
    }
  }

  private async *chunks(batch: string, row: number): AsyncGenerator<PredictionRecord> {
    // The chunk that holds the row begins at most its length before it.
    let from = Math.max(0, row - MAX_CHUNK_ROWS + 1);
    for (;;) {
      const { records, next } = await redisAnswers(
        this.context.batches.chunks(batch, { row: from, limit: CHUNKS_AT_ONCE }),
      );
      for (const record of records) yield record;
      if (next === undefined) return;
      from = next;
    }
  }
}
