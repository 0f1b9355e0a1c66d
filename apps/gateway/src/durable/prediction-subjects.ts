/** Predictions as webhooks tell of them: to whom, and what. */
import { modelKey, type DeliveryRef, type PayloadKind, type PredictionRecord } from '#inference';
import type { GatewayContext } from '../context.js';
import type { Subject, Subjects } from '../webhooks/delivery-run.js';
import { predictionJson, shownStatus } from './prediction-object.js';

export class PredictionSubjects implements Subjects {
  constructor(private readonly context: Pick<GatewayContext, 'ledger' | 'config'>) {}

  async subjectOf({ prediction, event }: DeliveryRef): Promise<Subject | undefined> {
    const record = await this.context.ledger.read(prediction);
    if (record?.webhook === undefined) return undefined;
    const { owner, webhook: url, created, started, completed } = record;
    return { owner, url, at: (event === 'start' ? started : completed) ?? started ?? created };
  }

  async render({ prediction }: DeliveryRef, payload: PayloadKind): Promise<object | string | undefined> {
    const { ledger, config } = this.context;
    const record = await ledger.read(prediction);
    if (!record) return undefined;
    if (payload === 'thin') return thin(record, config.publicUrl ?? '');
    return predictionJson({ record, base: config.publicUrl ?? '', output: await ledger.output(prediction) });
  }
}

function thin({ id, model, version, status, code }: PredictionRecord, base: string): object {
  const get = `${base}/v1/predictions/${id}`;
  return {
    id,
    model,
    version: modelKey(model, version),
    status: shownStatus(status),
    error_code: code ?? null,
    urls: { get },
  };
}
