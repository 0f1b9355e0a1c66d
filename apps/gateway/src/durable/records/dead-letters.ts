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
  /** Whose input is no longer kept. */
  gone: number;
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
    const records = await redisAnswers(this.context.ledger.readMany(ids));
    return { total, records: records.filter((record) => record !== undefined) };
  }

  /** @throws PREDICTION_NOT_FOUND, STATE_CONFLICT, INPUT_REMOVED */
  async redrive(owner: string, id: string): Promise<PredictionRecord> {
    await this.letter(owner, id);
    return this.durable.retry(owner, id);
  }

  async redriveAll(owner: string): Promise<Redriven> {
    const { total, ids } = await this.ids(owner, 0, AT_ONCE);
    let redriven = 0;
    let gone = 0;
    for (const id of ids) {
      try {
        await this.durable.retry(owner, id);
        redriven++;
      } catch (error) {
        if (!(error instanceof SluiceError) || error.code === 'QUEUE_UNAVAILABLE') throw error;
        gone++;
        await redisAnswers(this.context.ledger.purge(id, owner));
      }
    }
    return { redriven, gone, remaining: total - ids.length };
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
