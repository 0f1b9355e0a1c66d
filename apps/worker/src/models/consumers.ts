/**
 * The queues of one model version that this worker takes from: packs, durable predictions, bulk.
 *
 * Invariants: no more is taken than can soon run, so that what waits is shared by all workers; what is in hand when this
 * worker has no more time waits again at once, for a lock that runs out would count as a death.
 */
import { DurableWorker, LANES, PackWorker, type JobOutcome } from '#inference';
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
  /** A job was taken, or one is done. */
  used(): void;
  /** False: the version is no longer what its queues are of, and what was taken is another worker's. */
  mayRun(): Promise<boolean>;
}

export class Consumers {
  private readonly workers: (PackWorker | DurableWorker)[];
  private jobs = 0;
  /** What is in hand is another worker's; an outcome that it still has here is taken all the same. */
  giveBack!: () => void;
  private readonly givenBack = new Promise<JobOutcome>((resolve) => (this.giveBack = () => resolve('given back')));

  constructor(
    target: Target,
    private readonly options: ConsumersOptions,
  ) {
    const { packs, durable, executors, context } = options;
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
        process: (incoming) => this.take(() => packs.process(incoming, target)),
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
            process: (incoming) => this.take(() => durable.process(incoming, target)),
            failed,
          }),
      ),
    ];
  }

  /** Jobs that were taken and are not done. */
  get inHand(): number {
    return this.jobs;
  }

  async ready(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.ready()));
  }

  /** Stops taking jobs and resolves when those in hand are done, or given back. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
  }

  private async take(run: () => Promise<void>): Promise<JobOutcome> {
    this.jobs++;
    this.options.used();
    try {
      if (!(await this.options.mayRun())) return 'given back';
      return await Promise.race([run().then(() => 'settled' as const), this.givenBack]);
    } finally {
      this.jobs--;
      this.options.used();
    }
  }
}
