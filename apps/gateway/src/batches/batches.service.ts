/**
 * Bulk runs without a transport: begun, filled, closed, cancelled, read. What a batch's state may become is the ledger's.
 *
 * Invariant: another owner's batch does not exist.
 */
import { createHash } from 'node:crypto';
import {
  DepartureWriter,
  durableJobId,
  modelKey,
  newId,
  packageMark,
  SluiceError,
  type BatchRecord,
  type CancelStep,
  type Creation,
  type ModelDescription,
} from '#inference';
import type { GatewayContext } from '../context.js';
import { redisAnswers, type Receivers } from '../durable/durable.service.js';
import { conflict, crowded, full } from '../durable/refusals.js';
import { KEY_CLAIM_MS, keyClaim } from '../durable/submission/submission.js';
import { acceptedFor, type ModelCatalog } from '../models/catalog/model-catalog.js';
import type { StorageBudget } from '../upkeep/storage-budget.js';
import type { Admission } from '../predictions/admission.js';
import { Leads } from './lead.js';
import { Pace } from './pace.js';
import type { RowSource } from './rows/row.js';
import { RowUpload } from './rows/row-upload.js';
import { UploadPlaces } from './upload-places.js';

const OWN_ID = /^b[A-Za-z0-9_-]{22}$/;

export interface NewBatch {
  owner: string;
  /** As the request names it. */
  wanted: { model?: string | undefined; version?: string | undefined };
  requestId: string;
  webhook?: string | undefined;
  idempotencyKey?: string | undefined;
}

export interface Upload {
  batch: BatchRecord;
  model: ModelDescription;
  requestId: string;
  source: RowSource;
  /** Place in the batch of the source's first row. */
  from: number;
}

export class BatchesService {
  private readonly departures: DepartureWriter;
  private readonly leads = new Leads();
  /** One is taken for an upload, before a batch is begun for it. */
  readonly places = new UploadPlaces();

  constructor(
    private readonly context: GatewayContext,
    private readonly budget: StorageBudget,
    private readonly receivers: Receivers,
    private readonly admission: Pick<Admission, 'inFlight'>,
    private readonly catalog: Pick<ModelCatalog, 'confirm' | 'find'>,
  ) {
    this.departures = new DepartureWriter(context.redis, context.keys.control);
  }

  /**
   * What the same request has begun already, whatever has become of its version's name or its receiver since.
   * @throws IDEMPOTENCY_CONFLICT
   */
  async begunBefore(wish: NewBatch): Promise<BatchRecord | undefined> {
    const claim = this.claimOf(wish);
    const claimed = claim && (await redisAnswers(this.context.ledger.claimed(claim.key)));
    if (!claimed) return undefined;
    const { batches, ledger } = this.context;
    const batch = await redisAnswers(batches.read(claimed.id));
    if (claimed.fingerprint === claim.fingerprint) return batch;
    // What is there no more claims nothing.
    if (batch ?? (await redisAnswers(ledger.read(claimed.id)))) throw conflict();
    return undefined;
  }

  /**
   * The batch of this request: a new one, or the one that the same key has begun.
   * @throws IDEMPOTENCY_CONFLICT, STORAGE_FULL, WEBHOOK_…
   */
  async begin(wish: NewBatch & { model: ModelDescription }): Promise<BatchRecord> {
    const { owner, model, requestId, webhook } = wish;
    const { batches, clock, config } = this.context;
    const claim = this.claimOf(wish);
    if (webhook !== undefined) await this.receivers.accept(owner, webhook);
    const head = {
      owner,
      model: model.name,
      version: model.version,
      package: packageMark(model.checksum),
      request: requestId,
      created: Math.round(clock.now()),
      keepRecord: config.recordRetentionMs,
    };
    const id = newId('b');
    const made = await redisAnswers(
      batches.create({
        id,
        head: webhook === undefined ? head : { ...head, webhook },
        ...(claim ? { claim } : {}),
        budget: this.budget.bytes,
      }),
    );
    if (made.kind === 'full') throw full(made.pendingBytes, this.budget.bytes);
    if (made.kind === 'crowded') throw crowded();
    if (made.kind === 'conflict') throw conflict();
    return this.read(owner, made.kind === 'same' ? made.id : id);
  }

  /** @throws BODY_TOO_LARGE, STORAGE_FULL, STATE_CONFLICT, QUEUE_UNAVAILABLE and what the source throws, with the committed count */
  async upload({ source, from, ...upload }: Upload): Promise<void> {
    const version = modelKey(upload.model.name, upload.model.version);
    const lead = this.leads.begin(version, performance.now());
    try {
      // An upload counts among what is in flight.
      const waiting = (): number => this.admission.inFlight - this.places.taken;
      const pace = new Pace({ waiting, isEarly: () => lead.isLong });
      const { context, budget } = this;
      const confirm = (): void => this.catalog.confirm(acceptedFor(upload.model));
      const learned = this.catalog.find(version);
      await new RowUpload({ ...upload, learned, context, budget, pace, lead, confirm }).take(source, from);
    } finally {
      this.leads.end(version, lead, performance.now());
    }
  }

  /** No more rows come; what is sealed already stays so. */
  async seal(id: string): Promise<void> {
    const { batches, outbox, log } = this.context;
    await outbox.offer((await redisAnswers(batches.seal(id))).outbox, log);
  }

  /** @throws BATCH_NOT_FOUND */
  async read(owner: string, id: string): Promise<BatchRecord> {
    const batch = await this.find(owner, id);
    if (batch) return batch;
    throw new SluiceError(
      'BATCH_NOT_FOUND',
      `There is no batch ${JSON.stringify(id.slice(0, 64))}. It was never there, or has been kept its time.`,
    );
  }

  /** @throws INPUT_INVALID when there is no batch to begin behind, and so nothing behind it either */
  async list(owner: string, page: { limit: number; after?: string | undefined }): Promise<BatchRecord[]> {
    const { after } = page;
    const found = await redisAnswers(this.context.batches.list(owner, page));
    if (found.length > 0 || after === undefined || (await this.find(owner, after))) return found;
    throw new SluiceError(
      'INPUT_INVALID',
      `The query's cursor ${JSON.stringify(after)} is no batch, or has been kept its time. Begin again without a cursor.`,
    );
  }

  /** What has ended stays as it is. Resolves when no row of it lives any more. @throws BATCH_NOT_FOUND */
  async cancel(owner: string, id: string): Promise<BatchRecord> {
    const { model, version } = await this.read(owner, id);
    const { batches, outbox, log } = this.context;
    const queue = outbox.queue({ lane: 'bulk', model, version });
    let row: number | undefined = 0;
    while (row !== undefined) {
      const step: CancelStep = await redisAnswers(batches.cancel(id, row));
      for (const chunk of step.canceled) this.departures.tell(chunk.id);
      await outbox.offer(step.outbox, log);
      // One that is held stays, and finds its record ended.
      await Promise.allSettled(step.canceled.map((chunk) => queue.remove(durableJobId(chunk))));
      row = step.next;
    }
    return this.read(owner, id);
  }

  private async find(owner: string, id: string): Promise<BatchRecord | undefined> {
    const batch = OWN_ID.test(id) ? await redisAnswers(this.context.batches.read(id)) : undefined;
    return batch?.owner === owner ? batch : undefined;
  }

  /** The fingerprint is of what was asked for, so that it is the same after another version has been made the default. */
  private claimOf({ owner, wanted, webhook, idempotencyKey }: NewBatch): Creation['claim'] {
    if (idempotencyKey === undefined) return undefined;
    return {
      key: keyClaim(this.context.keys, owner, idempotencyKey),
      fingerprint: digest(['batch', wanted.model ?? '', wanted.version ?? '', webhook ?? '']),
      ttlMs: KEY_CLAIM_MS,
    };
  }
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('base64url');
}
