/**
 * Predictions as webhooks tell of them: to whom, and what. An event is told as of its own time: a delivery that comes
 * late must not say that something has started and ended at once, or give one generation the end of another.
 */
import {
  isTerminal,
  modelKey,
  parseLog,
  type DeliveryRef,
  type PayloadKind,
  type PredictionRecord,
  type RecordEvent,
} from '#inference';
import type { GatewayContext } from '../context.js';
import type { Subject, Subjects } from '../webhooks/delivery-run.js';
import { predictionJson, shownStatus } from './prediction-object.js';

export class PredictionSubjects implements Subjects {
  constructor(private readonly context: Pick<GatewayContext, 'ledger' | 'config'>) {}

  async subjectOf(ref: DeliveryRef): Promise<Subject | undefined> {
    const record = await this.context.ledger.read(ref.prediction);
    if (record?.webhook === undefined) return undefined;
    const { owner, webhook: url, created, started, completed } = record;
    const at = told(record, ref)?.at ?? (ref.event === 'start' ? started : completed) ?? started ?? created;
    return { owner, url, at };
  }

  async render(ref: DeliveryRef, payload: PayloadKind): Promise<object | string | undefined> {
    const { ledger, config } = this.context;
    const now = await ledger.read(ref.prediction);
    if (!now) return undefined;
    const record = asOf(now, ref);
    if (payload === 'thin') return thin(record, config.publicUrl ?? '');
    const output = record.outputs ? await ledger.output(record.id) : null;
    return predictionJson({ record, base: config.publicUrl ?? '', output });
  }
}

/** The line of the log that an event is of; long logs forget the oldest. */
function told({ log }: PredictionRecord, { event, generation }: DeliveryRef): RecordEvent | undefined {
  const lines = parseLog(log).filter((each) => each.generation === generation);
  return event === 'start'
    ? lines.find(({ status }) => status === 'processing')
    : lines.findLast(({ status }) => isTerminal(status));
}

function asOf(record: PredictionRecord, ref: DeliveryRef): PredictionRecord {
  const { event, generation } = ref;
  const isOwn = generation === record.generation;
  const started = told(record, { ...ref, event: 'start' })?.at ?? (isOwn ? record.started : undefined);
  const begun = { ...withoutRun(record), ...(started === undefined ? {} : { started }), generation };
  if (event === 'start') return { ...begun, status: 'processing' };
  if (isOwn && isTerminal(record.status)) return record;
  const end = told(record, ref);
  return end ? { ...begun, status: end.status, completed: end.at } : record;
}

const OF_THE_RUN = new Set(['started', 'completed', 'outputs', 'metrics', 'code', 'message', 'dead', 'digest']);

function withoutRun(record: PredictionRecord): PredictionRecord {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !OF_THE_RUN.has(name))) as PredictionRecord;
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
