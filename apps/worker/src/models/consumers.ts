/**
 * The queues of one model version that this worker takes from: packs, durable predictions, bulk.
 *
 * Invariant: no more is taken than can soon run, so that what waits is shared by all workers.
 */
import { DurableWorker, LANES, PackWorker } from '#inference';
import type { WorkerContext } from '../context.js';
import type { DurableProcessor } from '../durable.processor.js';
import type { PredictionProcessor } from '../prediction.processor.js';
import type { Target } from '../predictions/intake.js';

export interface Processors {
  packs: PredictionProcessor;
  durable: DurableProcessor;
}

interface ConsumersOptions extends Processors {
  context: WorkerContext;
  executors: number;
}

export class Consumers {
  private readonly workers: (PackWorker | DurableWorker)[];

  constructor(target: Target, { context, packs, durable, executors }: ConsumersOptions) {
    const { redis, keys, log } = context;
    const { name, version } = target.description;
    const failed = (error: Error): void => log.debug({ reason: error.message }, 'queue');
    this.workers = [
      new PackWorker({
        queue: keys.packQueue(name, version),
        // One more than can run, so that the next is at hand.
        concurrency: executors + 1,
        redis,
        keys,
        process: (incoming) => packs.process(incoming, target),
        failed,
      }),
      ...LANES.map(
        (lane) =>
          new DurableWorker({
            queue: keys.durableQueue(lane, name, version),
            // Enough for the next batches to be at hand when those that run are done, and no more, for what waits here is
            // in front of whoever comes. A job of the bulk lane is many rows.
            concurrency: lane === 'durable' ? 2 * executors + 1 : executors + 1,
            redis,
            keys,
            process: (incoming) => durable.process(incoming, target),
            failed,
          }),
      ),
    ];
  }

  async ready(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.ready()));
  }

  /** Stops taking jobs and resolves when those in hand are done. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
  }
}
