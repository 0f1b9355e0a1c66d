/**
 * The jobs of the durable lane. Each only points: what a prediction is stands in its record, what a delivery carries
 * in its own, so that a job that runs twice, late or for nothing finds out by itself.
 */
import { z } from 'zod';
import { DELIVERY_EVENTS, LANES } from './prediction-record.js';

/** A prediction in one of its generations: every transition and every job names both. */
export interface GenerationRef {
  id: string;
  generation: number;
}

/** A larger job saves little more in transport; one of a model's own batch size is all that a worker can run at once. */
export const MAX_JOB_PREDICTIONS = 32;

/** One prediction, or those of one version that were submitted at the same time. */
export const durableJob = z.object({
  v: z.literal(1),
  refs: z
    .array(z.object({ id: z.string().max(128), generation: z.number().int().nonnegative() }))
    .min(1)
    .max(MAX_JOB_PREDICTIONS),
});
export type DurableJob = z.infer<typeof durableJob>;

export const deliveryJob = z.object({
  v: z.literal(1),
  prediction: z.string().max(128),
  event: z.enum(DELIVERY_EVENTS),
  generation: z.number().int().nonnegative(),
  /** Counts replays. */
  round: z.number().int().nonnegative().default(0),
});
export type DeliveryJob = z.infer<typeof deliveryJob>;
export type DeliveryRef = Omit<DeliveryJob, 'v' | 'round'>;

/** BullMQ's id of a job of one prediction: a repeated add of a job that is there is silently none. */
export function durableJobId({ id, generation }: GenerationRef): string {
  return `${id}-${generation}`;
}

/** `webhook-id`: the same at every attempt, every repeated add and every replay. */
export function deliveryId({ prediction, event, generation }: DeliveryRef): string {
  return `msg_${prediction}_${event}_${generation}`;
}

/** BullMQ's job id: of the first round the webhook-id itself. */
export function deliveryJobId(delivery: string, round: number): string {
  return round === 0 ? delivery : `${delivery}-r${round}`;
}

/**
 * Members of `outbox`: decided by a script, not yet known to be in BullMQ. The parts are joined by spaces, which no
 * part can hold: `job <lane> <model> <version> <id> <generation>` or `hook <prediction> <event> <generation>`.
 */
export type OutboxEntry =
  | ({ kind: 'job'; lane: (typeof LANES)[number]; model: string; version: string } & GenerationRef)
  | ({ kind: 'hook' } & DeliveryRef);

const outboxParts = z.union([
  z
    .tuple([z.literal('job'), z.enum(LANES), z.string(), z.string(), z.string(), z.coerce.number()])
    .transform(([kind, lane, model, version, id, generation]) => ({ kind, lane, model, version, id, generation })),
  z
    .tuple([z.literal('hook'), z.string(), z.enum(DELIVERY_EVENTS), z.coerce.number()])
    .transform(([kind, prediction, event, generation]) => ({ kind, prediction, event, generation })),
]);

export function parseOutboxEntry(member: string): OutboxEntry | undefined {
  const result = outboxParts.safeParse(member.split(' '));
  return result.success ? result.data : undefined;
}

export function outboxMember(entry: OutboxEntry): string {
  return entry.kind === 'job'
    ? `job ${entry.lane} ${entry.model} ${entry.version} ${entry.id} ${entry.generation}`
    : `hook ${entry.prediction} ${entry.event} ${entry.generation}`;
}
