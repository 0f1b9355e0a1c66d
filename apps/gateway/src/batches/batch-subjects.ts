/** Bulk runs as webhooks tell of them: to whom, and what. An id's first letter says whether it is one. */
import type { DeliveryRef, PayloadKind } from '#inference';
import type { GatewayContext } from '../context.js';
import type { Subject, Subjects } from '../webhooks/delivery-run.js';
import { batchObject } from './batch-object.js';

export class BatchSubjects implements Subjects {
  constructor(private readonly context: Pick<GatewayContext, 'batches' | 'config' | 'clock'>) {}

  async subjectOf({ prediction: id }: DeliveryRef): Promise<Subject | undefined> {
    const batch = await this.context.batches.read(id);
    if (batch?.webhook === undefined) return undefined;
    return { owner: batch.owner, url: batch.webhook, at: batch.completed ?? batch.created };
  }

  /** Results are fetched: they are as many as the run has rows. */
  async render({ prediction: id }: DeliveryRef, payload: PayloadKind): Promise<object | undefined> {
    const { batches, config, clock } = this.context;
    const batch = await batches.read(id);
    if (!batch) return undefined;
    const base = config.publicUrl ?? '';
    const { status, urls, ...rest } = batchObject(batch, { base, now: clock.now() });
    return payload === 'thin'
      ? { id, model: batch.model, version: batch.version, status, urls }
      : { ...rest, status, urls };
  }
}

export class SubjectsByKind implements Subjects {
  constructor(
    private readonly predictions: Subjects,
    private readonly batches: Subjects,
  ) {}

  subjectOf(ref: DeliveryRef): Promise<Subject | undefined> {
    return this.of(ref).subjectOf(ref);
  }

  render(ref: DeliveryRef, payload: PayloadKind): Promise<object | string | undefined> {
    return this.of(ref).render(ref, payload);
  }

  private of({ prediction }: DeliveryRef): Subjects {
    return prediction.startsWith('b') ? this.batches : this.predictions;
  }
}
