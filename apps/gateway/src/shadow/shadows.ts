/**
 * Runs a share of the requests that name no version on another version too, when the model has a shadow, and counts how
 * the answers compare. The caller's answer comes from his own version, and never waits for this.
 *
 * Invariants: no more than MAX_OUT of them, and MAX_BYTES of inputs, are under way; what finds no room is dropped and
 * counted; nothing that goes wrong here reaches the caller.
 */
import { modelKey, SluiceError, toSluiceError, type ErrorCode } from '#inference';
import type { GatewayContext } from '../context.js';
import type { ServedModel } from '../models/catalog/fleet-snapshot.js';
import type { ModelCatalog } from '../models/catalog/model-catalog.js';
import type { Reply } from '../predictions/pending-prediction.js';
import type { InputItem } from '../predictions/prediction-input.js';
import type { PredictionsService } from '../predictions/predictions.service.js';
import { differenceOf, type Output } from './difference.js';

const MAX_OUT = 64;
const MAX_BYTES = 32 * 1024 * 1024;
/** It runs in what others leave; later than this its answer is of no interest. */
const TIMEOUT_MS = 10_000;
/** Two builds of the same weights differ by less, and a change of the model by more. */
const SAME = 1e-3;
/** It got no turn, which says nothing about its answers. */
const NO_TURN = new Set<ErrorCode>([
  'DEADLINE_EXCEEDED',
  'CALLER_GONE',
  'MODEL_NOT_FOUND',
  'QUEUE_UNAVAILABLE',
  'PAYLOAD_LOST',
]);
const NOBODY = { onGone: (): void => undefined };

export interface Shadowed {
  /** The version that answers the caller. */
  model: ServedModel;
  items: InputItem[];
  requestId: string;
}

export interface ShadowsOptions {
  context: Pick<GatewayContext, 'metrics' | 'log'>;
  catalog: Pick<ModelCatalog, 'find' | 'route'>;
  predictions: Pick<PredictionsService, 'predict' | 'isBusy'>;
  /** A number as of Math.random, by which requests are drawn. */
  chance?: () => number;
}

export class Shadows {
  private out = 0;
  private bytes = 0;

  constructor(private readonly options: ShadowsOptions) {}

  /** Begins the shadow of a request, if it has one; the result takes the caller's replies once they are there. */
  begin(shadowed: Shadowed): (given: readonly Reply[]) => void {
    const shadow = this.options.catalog.route(shadowed.model.name)?.shadow;
    const chance = this.options.chance ?? Math.random;
    if (!shadow || shadow.version === shadowed.model.version || chance() >= shadow.share) return () => undefined;
    const other = this.options.catalog.find(modelKey(shadowed.model.name, shadow.version));
    if (!other || !this.hasRoom(other, shadowed.items)) {
      this.count(shadowed.model, shadow.version, 'dropped');
      return () => undefined;
    }
    const replies = this.run(other, shadowed);
    return (given) => void this.compare({ ...shadowed, other, given, replies });
  }

  private hasRoom(other: ServedModel, items: readonly InputItem[]): boolean {
    const isFree = other.ready && !this.options.predictions.isBusy(other.key);
    return isFree && this.out < MAX_OUT && this.bytes + sizeOf(items) <= MAX_BYTES;
  }

  /** Its replies, or what it failed with. */
  private async run(model: ServedModel, { items, requestId }: Shadowed): Promise<Reply[] | SluiceError> {
    const bytes = sizeOf(items);
    this.out++;
    this.bytes += bytes;
    try {
      const request = { model, items, timeoutMs: TIMEOUT_MS, requestId, gone: NOBODY, shadow: true };
      return await this.options.predictions.predict(request);
    } catch (error) {
      return toSluiceError(error);
    } finally {
      this.out--;
      this.bytes -= bytes;
    }
  }

  private async compare({ model, other, given, replies }: Comparison): Promise<void> {
    const came = await replies;
    if (came instanceof SluiceError) {
      this.count(model, other.version, NO_TURN.has(came.code) ? 'dropped' : 'failed');
      return;
    }
    try {
      const difference = differenceOf(given.map(outputOf), came.map(outputOf));
      const { name, version } = model;
      this.options.context.metrics.shadowDifference.observe(
        { model: name, version, shadow: other.version },
        difference,
      );
      this.count(model, other.version, difference <= SAME ? 'same' : 'differs');
    } catch (error) {
      this.options.context.log.warn({ model: other.key, reason: String(error) }, 'a shadow could not be compared');
      this.count(model, other.version, 'failed');
    }
  }

  private count({ name, version }: ServedModel, shadow: string, outcome: Outcome): void {
    this.options.context.metrics.shadows.inc({ model: name, version, shadow, outcome });
  }
}

type Outcome = 'same' | 'differs' | 'failed' | 'dropped';

interface Comparison extends Shadowed {
  other: ServedModel;
  given: readonly Reply[];
  /** The shadow's, or what it failed with. */
  replies: Promise<Reply[] | SluiceError>;
}

function outputOf({ result, bytes }: Reply): Output {
  return { type: result.type, bytes };
}

function sizeOf(items: readonly InputItem[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes.reduce((all, piece) => all + piece.byteLength, 0), 0);
}
