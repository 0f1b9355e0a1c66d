/** Rows of a batch as it stands, in order: pages of their statuses, and all of them with their outputs as JSON lines. */
import { Injectable } from '@nestjs/common';
import { isTerminal, MAX_CHUNK_ROWS, type ForgottenRows, type PredictionRecord } from '#inference';
import { GatewayContext } from '../context.js';
import { redisAnswers } from '../durable/durable.service.js';
import { forgottenRows, resultLine, rowsOf, type RowView } from './chunk-rows.js';

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
    for await (const chunk of this.chunks(batch, row)) {
      const views = 'forgotten' in chunk ? forgottenRows(chunk) : rowsOf(chunk).map(({ view }) => view);
      for (const view of views) {
        if (view.row < row) continue;
        if (rows.length === limit) return { rows, next: view.row };
        rows.push(view);
      }
    }
    return { rows };
  }

  /** A chunk's lines at a time, so that no more than one is in memory. */
  async *lines(batch: string, { row, endedOnly }: ResultsFrom): AsyncGenerator<string> {
    for await (const chunk of this.chunks(batch, row)) {
      if ('forgotten' in chunk) {
        const wanted = forgottenRows(chunk).filter((view) => view.row >= row);
        yield wanted.map((view) => `${JSON.stringify(view)}\n`).join('');
        continue;
      }
      if (endedOnly && !isTerminal(chunk.status)) return;
      const bytes = chunk.status === 'succeeded' ? await redisAnswers(this.context.ledger.output(chunk.id)) : null;
      const wanted = rowsOf(chunk).filter(({ view }) => view.row >= row);
      yield wanted.map((each) => resultLine(chunk, each, bytes)).join('');
    }
  }

  private async *chunks(batch: string, row: number): AsyncGenerator<PredictionRecord | ForgottenRows> {
    // The chunk that holds the row begins at most its length before it.
    let from = Math.max(0, row - MAX_CHUNK_ROWS + 1);
    for (;;) {
      const { chunks, next } = await redisAnswers(
        this.context.batches.chunks(batch, { row: from, limit: CHUNKS_AT_ONCE }),
      );
      yield* chunks;
      if (next === undefined) return;
      from = next;
    }
  }
}
