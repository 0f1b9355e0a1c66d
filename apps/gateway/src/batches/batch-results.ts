/** Rows of a batch as it stands, in order: pages of their statuses, and all of them with their outputs as JSON lines. */
import { Injectable } from '@nestjs/common';
import { isTerminal, MAX_CHUNK_ROWS, type ForgottenRows, type PredictionRecord } from '#inference';
import { GatewayContext } from '../context.js';
import { redisAnswers } from '../durable/durable.service.js';
import { forgottenRows, resultLine, rowsOf, type RowView } from './chunk-rows.js';

/** Records read at once; their outputs are read one by one. */
const CHUNKS_AT_ONCE = 8;

/** Characters. */
const PIECE = 65_536;

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

  /** A piece of some lines at a time: of large outputs one, so that neither the text nor the turn that writes it is long. */
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
      let piece = '';
      for (const each of wanted) {
        piece += resultLine(chunk, each, bytes);
        if (piece.length < PIECE) continue;
        yield piece;
        piece = '';
      }
      yield piece;
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
