/** Dead letters without a transport. Redriving one is its next generation; purging one leaves the failed record. */
import { Injectable } from '@nestjs/common';
import { SluiceError, type PredictionRecord } from '#inference';
import { GatewayContext } from '../../context.js';
import { DurableService, redisAnswers } from '../durable.service.js';

const PAGE = 100;
/** One call does no more than this, so that it ends within its caller's patience. */
const AT_ONCE = 1_000;

export interface Redriven {
  redriven: number;
  /** Whose input is no longer kept: no dead letters any more. */
  gone: number;
  /** Whose version is not there, which may come back: they stay. */
  refused: number;
  /** Not looked at in this call. */
  remaining: number;
}

@Injectable()
export class DeadLetters {
  constructor(
    private readonly context: GatewayContext,
    private readonly durable: DurableService,
  ) {}

  async list(owner: string, offset: number): Promise<{ total: number; records: PredictionRecord[] }> {
    const { total, ids } = await this.ids(owner, offset, PAGE);
    const records = await redisAnswers(this.context.ledger.readListed(ids));
    return { total, records: records.filter((record) => record !== undefined) };
  }

  /** @throws PREDICTION_NOT_FOUND, MODEL_NOT_FOUND, VERSION_REMOVED, STATE_CONFLICT, INPUT_REMOVED */
  async redrive(owner: string, id: string): Promise<PredictionRecord> {
    await this.letter(owner, id);
    return this.durable.retry(owner, id);
  }

  /** The oldest but the first `offset`, which may be those that were refused before. */
  async redriveAll(owner: string, offset: number): Promise<Redriven> {
    const { total, ids } = await this.ids(owner, offset, AT_ONCE);
    const counts = { redriven: 0, gone: 0, refused: 0 };
    for (const id of ids) counts[await this.redriveOne(owner, id)]++;
    return { ...counts, remaining: Math.max(0, total - offset - ids.length) };
  }

  private async redriveOne(owner: string, id: string): Promise<'redriven' | 'gone' | 'refused'> {
    try {
      await this.durable.retry(owner, id);
      return 'redriven';
    } catch (error) {
      const code = error instanceof SluiceError ? error.code : undefined;
      if (code === 'MODEL_NOT_FOUND' || code === 'VERSION_REMOVED') return 'refused';
      // It was forgotten, or somebody else has redriven it.
      if (code !== 'INPUT_REMOVED' && code !== 'PREDICTION_NOT_FOUND' && code !== 'STATE_CONFLICT') throw error;
      await redisAnswers(this.context.ledger.purge(id, owner));
      return 'gone';
    }
  }

  /** @throws PREDICTION_NOT_FOUND, STATE_CONFLICT */
  async purge(owner: string, id: string): Promise<void> {
    const record = await this.letter(owner, id);
    await redisAnswers(this.context.ledger.purge(record.id, owner));
  }

  async purgeAll(owner: string): Promise<{ purged: number; remaining: number }> {
    const { total, ids } = await this.ids(owner, 0, AT_ONCE);
    await redisAnswers(Promise.all(ids.map((id) => this.context.ledger.purge(id, owner))));
    return { purged: ids.length, remaining: total - ids.length };
  }

  private async letter(owner: string, id: string): Promise<PredictionRecord> {
    const record = await this.durable.read(owner, id);
    if (record.dead !== undefined) return record;
    throw new SluiceError('STATE_CONFLICT', `This prediction is ${record.status} and no dead letter.`);
  }

  private async ids(owner: string, offset: number, limit: number): Promise<{ total: number; ids: string[] }> {
    return redisAnswers(this.context.ledger.dead(owner, offset, limit));
  }
}
