/**
 * Rows on their way into a batch, chunk by chunk: while one is written the next is read, and no more.
 *
 * Invariants: `committed` counts what Redis has, never what was only sent to it; whatever ends an upload early, the rows
 * that were read until then are written first, and its error says how many there are, for the next to go on from.
 */
import {
  MAX_CHUNK_BYTES,
  newId,
  packageMark,
  SluiceError,
  type Appended,
  type BatchRecord,
  type Chunk,
  type ChunkRow,
  type ModelDescription,
} from '#inference';
import type { GatewayContext } from '../../context.js';
import { crowded, FULL_RETRY_SECONDS } from '../../durable/refusals.js';
import { stored } from '../../durable/submission/submission.js';
import type { StorageBudget } from '../../upkeep/storage-budget.js';
import { queueUnavailable } from '../../predictions/pack-sender.js';
import type { InputForm, InputItem } from '../../predictions/prediction-input.js';
import type { Lead } from '../lead.js';
import type { Pace } from '../pace.js';
import { rowsOfChunk, type Learned } from './chunk-size.js';
import { isRead, type Row, type RowSource } from './row.js';

/** A chunk whose fate is not known is written again: it joins once, by its id. */
const TRIES = 3;
/** A chunk is no more of all that durable predictions may take, or in a small Redis one alone would find no room, ever. */
const OF_BUDGET = 1 / 8;

export interface UploadOptions {
  context: GatewayContext;
  budget: Pick<StorageBudget, 'bytes'>;
  batch: BatchRecord;
  model: ModelDescription;
  learned?: Learned | undefined;
  requestId: string;
  pace: Pick<Pace, 'step'>;
  lead: Pick<Lead, 'note'>;
  /** @throws MODEL_NOT_FOUND, VERSION_REMOVED when the version is there no more: rows of it would wait for nobody. */
  confirm(): void;
}

export class RowUpload {
  private rows: Row[] = [];
  private bytes = 0;
  private readonly mostRows: number;
  private sent: number;
  private confirmed: number;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly options: UploadOptions) {
    this.mostRows = rowsOfChunk(options.model, options.learned);
    this.sent = options.batch.committed;
    this.confirmed = this.sent;
  }

  /** Rows of the batch that are safe. */
  get committed(): number {
    return this.confirmed;
  }

  /** Takes all rows of a source whose first is row `from` of the batch, at most as many as it has: those are passed over. */
  async take(source: RowSource, from: number): Promise<void> {
    const { form } = source;
    try {
      for await (const row of source.rows(this.sent - from)) {
        if (this.options.context.draining) throw stopping();
        await this.add(row, form);
        await this.options.pace.step();
      }
    } catch (error) {
      await this.flush(form).catch(() => undefined);
      await this.writing.catch(() => undefined);
      throw this.counted(error);
    }
    try {
      await this.flush(form);
      await this.writing;
    } catch (error) {
      throw this.counted(error);
    }
  }

  private async add(row: Row, form: InputForm): Promise<void> {
    const { budget } = this.options;
    const bytes = isRead(row.input) ? lengthOf(row.input) : 0;
    if (bytes > budget.bytes * OF_BUDGET) return this.add({ ...row, input: neverFits(bytes, budget.bytes) }, form);
    const mostBytes = Math.min(MAX_CHUNK_BYTES, budget.bytes * OF_BUDGET);
    if (this.rows.length === this.mostRows || (this.rows.length > 0 && this.bytes + bytes > mostBytes)) {
      await this.flush(form);
    }
    this.rows.push(row);
    this.bytes += bytes;
  }

  private async flush(form: InputForm): Promise<void> {
    // What follows a chunk that was refused must not take its place.
    await this.writing;
    if (this.rows.length === 0) return;
    const chunk = this.chunk(this.rows, form);
    const count = this.rows.length;
    this.sent += count;
    this.rows = [];
    this.bytes = 0;
    this.writing = this.write(chunk).then(() => void (this.confirmed += count));
    this.writing.catch(() => undefined);
  }

  private chunk(rows: readonly Row[], form: InputForm): Chunk {
    const { context, budget, batch, model, requestId } = this.options;
    const { config, clock } = context;
    const { items, payload, bytes } = stored(rows.map((row) => row.input).filter(isRead));
    const created = Math.round(clock.now());
    const told = rows.some((row) => row.id !== undefined || row.name !== undefined || !isRead(row.input));
    return {
      id: newId('p'),
      head: {
        owner: batch.owner,
        model: model.name,
        version: model.version,
        package: packageMark(model.checksum),
        lane: 'bulk',
        request: requestId,
        form,
        batched: model.batched,
        items,
        inputBytes: bytes,
        created,
        keepData: config.retentionMs,
        keepRecord: config.recordRetentionMs,
        tries: config.durableAttempts,
        batch: batch.id,
        row: this.sent,
        ...(told ? { rows: rows.map(chunkRow) } : {}),
      },
      payload,
      deadline: created + config.durableTimeoutMs,
      budget: budget.bytes,
    };
  }

  private async write(chunk: Chunk): Promise<void> {
    const { outbox, log } = this.options.context;
    const answer = await this.append(chunk);
    switch (answer.kind) {
      case 'new':
        this.options.lead.note({ at: performance.now(), ...answer });
        await outbox.offer(answer.outbox, log);
        return;
      case 'full':
        throw new SluiceError(
          'BODY_TOO_LARGE',
          `What has not run holds ${answer.pendingBytes} bytes, of ${Math.floor(this.options.budget.bytes / 2)} that it may when rows are added.`,
          { retryAfterSeconds: FULL_RETRY_SECONDS },
        );
      case 'crowded':
        throw crowded();
      case 'moved':
        throw new SluiceError(
          'STATE_CONFLICT',
          `Another upload has brought the batch to ${answer.committed} rows meanwhile.`,
        );
      case 'closed':
        throw new SluiceError('STATE_CONFLICT', `The batch is ${answer.state} and takes no more rows.`);
      case 'gone':
        throw new SluiceError('BATCH_NOT_FOUND', 'The batch is no longer there.');
      case 'lost':
        throw queueUnavailable();
    }
  }

  private async append(chunk: Chunk): Promise<Appended> {
    for (let tries = 1; ; tries++) {
      this.options.confirm();
      const answer = await this.options.context.batches.append(chunk).catch(() => undefined);
      if (answer && answer.kind !== 'lost') return answer;
      if (tries === TRIES) throw queueUnavailable();
    }
  }

  private counted(error: unknown): unknown {
    if (!(error instanceof SluiceError)) return error;
    const { id } = this.options.batch;
    const committed = this.confirmed;
    return new SluiceError(
      error.code,
      `${error.message} ${committed} rows are committed; the next upload goes on there.`,
      {
        ...error.details,
        members: { id, committed },
      },
    );
  }
}

function chunkRow({ id, name, input }: Row): ChunkRow {
  return {
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    ...(isRead(input) ? {} : input),
  };
}

function neverFits(bytes: number, budget: number): Row['input'] {
  const message = `The row has ${bytes} bytes; one may have an eighth of the ${budget} for durable predictions (SLUICE_STORAGE_SHARE).`;
  return { code: 'BODY_TOO_LARGE', message };
}

function lengthOf({ bytes }: InputItem): number {
  return bytes.reduce((sum, piece) => sum + piece.byteLength, 0);
}

function stopping(): SluiceError {
  return new SluiceError('QUEUE_UNAVAILABLE', 'This gateway is shutting down.', { retryAfterSeconds: 1 });
}
