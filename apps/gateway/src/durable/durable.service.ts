/**
 * Durable predictions without a transport: submitted, read, waited for, cancelled, tried again. What a prediction's
 * status may become is the ledger's; this is who may ask for it, and what else hangs on it.
 *
 * Invariants: a submission resolves after Redis has the record and, unless Redis failed just then, the job; another
 * owner's prediction does not exist.
 */
import {
  DepartureWriter,
  durableJobId,
  isTerminal,
  newId,
  packageMark,
  SluiceError,
  type ModelDescription,
  type PredictionRecord,
  type Submission,
  type Submitted,
} from '#inference';
import type { GatewayContext } from '../context.js';
import type { ModelCatalog } from '../models/catalog/model-catalog.js';
import { queueUnavailable } from '../predictions/pack-sender.js';
import type { PredictionInput } from '../predictions/prediction-input.js';
import type { StorageBudget } from '../upkeep/storage-budget.js';
import { conflict, crowded, full, unknownFate } from './refusals.js';
import { clearShared } from './shared-jobs.js';
import { GroupCommit } from './submission/group-commit.js';
import { aliasClaim, claimsOf, stored, type Wanted } from './submission/submission.js';

const OWN_ID = /^p[A-Za-z0-9_-]{22}$/;
/** A payload that ran out before its submission came is written again, this often. */
const TRIES = 2;
const FRESH = { status: 'starting', generation: 0, attempts: 0, failures: 0, log: '' } as const;

/** What a request's content is to the version that it means now. */
export interface ReadInput {
  description: ModelDescription;
  input: PredictionInput;
}

export interface DurableRequest extends Wanted {
  /** Called once it is known that the request is none that was sent before, whose version may have gone since. */
  read(): ReadInput;
  requestId: string;
  /** Milliseconds that it has; the setting's when undefined. */
  timeoutMs?: number | undefined;
  /** This gateway is told of its transitions from the first on. */
  watched: boolean;
  /** Called with its id before it is written. */
  named?(id: string): void;
}

/** Who may be told of a prediction's events. */
export interface Receivers {
  /** @throws WEBHOOK_REFUSED, WEBHOOK_UNSIGNED, WEBHOOK_DISABLED */
  accept(owner: string, url: string): Promise<void>;
}

export interface Accepted {
  id: string;
  /** As it is in Redis now; undefined for one that was there before, which may have gone on. */
  record?: PredictionRecord;
  /** True when the same key or alias had been used for the same request before. */
  replayed: boolean;
}

export class DurableService {
  private readonly departures: DepartureWriter;
  private readonly commits: GroupCommit;

  constructor(
    private readonly context: GatewayContext,
    private readonly budget: StorageBudget,
    private readonly receivers: Receivers,
    private readonly catalog: Pick<ModelCatalog, 'confirm'>,
  ) {
    this.departures = new DepartureWriter(context.redis, context.keys.control);
    this.commits = new GroupCommit(context);
  }

  /** @throws IDEMPOTENCY_CONFLICT, STORAGE_FULL, QUEUE_UNAVAILABLE, WEBHOOK_…, and what `read` of the request throws */
  async submit(request: DurableRequest): Promise<Accepted> {
    const id = newId('p');
    const { claims, repeated } = await redisAnswers(this.claimed(request));
    if (repeated !== undefined) return { id: repeated, replayed: true };
    const read = request.read();
    if (request.webhook) await redisAnswers(this.receivers.accept(request.owner, request.webhook.url));
    request.named?.(id);
    const submission = { ...this.submission(id, request, read), ...(claims ? { claims } : {}) };
    const submitted = await this.write(submission, read.description.maxBatchSize);
    switch (submitted.kind) {
      case 'new':
        return { id, record: { ...submission.head, ...FRESH, id, deadline: submission.deadline }, replayed: false };
      case 'same':
        // Its own id: an answer was lost and the command sent again.
        return { id: submitted.id, replayed: submitted.id !== id };
      case 'conflict':
        throw conflict();
      case 'full':
        throw full(submitted.pendingBytes, this.budget.bytes);
      case 'crowded':
        throw crowded();
      case 'lost':
        throw queueUnavailable();
    }
  }

  /** The record under our id or the owner's own. @throws PREDICTION_NOT_FOUND */
  async read(owner: string, id: string): Promise<PredictionRecord> {
    const record = await this.find(owner, id);
    if (record) return record;
    throw new SluiceError(
      'PREDICTION_NOT_FOUND',
      `There is no prediction ${JSON.stringify(id.slice(0, 64))}. It was never there, or has been kept its time.`,
    );
  }

  /** Whatever phase it is in; what has ended stays as it is. @throws PREDICTION_NOT_FOUND */
  async cancel(owner: string, id: string): Promise<PredictionRecord> {
    const record = await this.read(owner, id);
    if (isTerminal(record.status)) return record;
    const { ledger, outbox, log } = this.context;
    const { applied, outbox: decided } = await redisAnswers(ledger.cancel(record.id));
    if (applied) {
      this.departures.tell(record.id);
      await outbox.offer(decided, log);
      // A job that stays, for it is held or others share it, finds its record ended.
      const own = outbox.queue(record).remove(durableJobId(record));
      const shared = record.job === undefined ? undefined : clearShared(this.context, record, record.job);
      await Promise.allSettled([own, shared]);
    }
    return this.read(owner, record.id);
  }

  /** In a new generation. @throws PREDICTION_NOT_FOUND, STATE_CONFLICT, INPUT_REMOVED, and what `confirm` throws */
  async retry(owner: string, id: string, timeoutMs?: number): Promise<PredictionRecord> {
    const record = await this.read(owner, id);
    const { model: name, version, package: mark } = record;
    this.catalog.confirm({ name, version, mark });
    const { ledger, outbox, log, clock, config } = this.context;
    const deadline = clock.now() + (timeoutMs ?? config.durableTimeoutMs);
    const answer = await redisAnswers(ledger.retry(record.id, deadline));
    if (answer === 'gone') {
      throw new SluiceError('INPUT_REMOVED', 'The input of this prediction is no longer kept. Submit it again.');
    }
    if (!answer.applied) {
      throw new SluiceError(
        'STATE_CONFLICT',
        `This prediction is ${record.status}; only one that failed, was canceled or was aborted can be tried again.`,
      );
    }
    await outbox.offer(answer.outbox, log);
    return this.read(owner, record.id);
  }

  private async find(owner: string, id: string): Promise<PredictionRecord | undefined> {
    const { ledger, keys } = this.context;
    const ours = OWN_ID.test(id) ? await redisAnswers(ledger.read(id)) : undefined;
    if (ours) return ours.owner === owner ? ours : undefined;
    const claim = await redisAnswers(ledger.claimed(aliasClaim(keys, owner, id)));
    return claim && (await redisAnswers(ledger.read(claim.id)));
  }

  /** The claims of a request, and what the same one has begun already, whatever has become of its version since. */
  private async claimed(request: DurableRequest): Promise<{ claims: Submission['claims']; repeated?: string }> {
    const { ledger, keys, config } = this.context;
    const aliasMs = this.timeoutMs(request) + config.recordRetentionMs;
    const claims = claimsOf(keys, request, aliasMs);
    const held = await Promise.all((claims?.held ?? []).map(({ key }) => ledger.claimed(key)));
    for (const claim of held) {
      if (!claim || !(await ledger.read(claim.id))) continue;
      if (claim.fingerprint !== claims!.fingerprint) throw conflict();
      return { claims, repeated: claim.id };
    }
    return { claims };
  }

  private timeoutMs(request: DurableRequest): number {
    return request.timeoutMs ?? this.context.config.durableTimeoutMs;
  }

  private submission(id: string, request: DurableRequest, { description, input }: ReadInput): Submission {
    const { clock, config, id: gateway } = this.context;
    const { owner, webhook, alias } = request;
    const { items, payload, bytes } = stored(input.items);
    const created = Math.round(clock.now());
    return {
      id,
      head: {
        owner,
        model: description.name,
        version: description.version,
        package: packageMark(description.checksum),
        lane: 'durable' as const,
        request: request.requestId,
        form: input.form,
        batched: description.batched,
        items,
        inputBytes: bytes,
        tries: config.durableAttempts,
        created,
        keepData: config.retentionMs,
        keepRecord: config.recordRetentionMs,
        ...(alias === undefined ? {} : { alias }),
        ...(webhook ? { webhook: webhook.url, events: webhook.events } : {}),
      },
      payload,
      deadline: created + this.timeoutMs(request),
      budget: this.budget.bytes,
      ...(request.watched ? { watcher: gateway } : {}),
    };
  }

  private async write(submission: Submission, maxBatchSize: number): Promise<Submitted> {
    let submitted: Submitted = { kind: 'lost' };
    for (let tries = 0; submitted.kind === 'lost' && tries < TRIES; tries++) {
      submitted = await this.commits.submit(submission, maxBatchSize).catch(() => {
        throw unknownFate();
      });
    }
    return submitted;
  }
}

/** @throws QUEUE_UNAVAILABLE when Redis is away, hangs, or refuses writes. */
export async function redisAnswers<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw queueUnavailable();
  }
}
