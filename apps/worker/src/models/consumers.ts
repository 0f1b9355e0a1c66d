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
  /** Of each job that was taken and is not done, what gives it back. */
  private readonly hands = new Set<() => void>();
  private isOver = false;

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

  /** How many jobs were taken and are not done. */
  get inHand(): number {
    return this.hands.size;
  }

  async ready(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.ready()));
  }

  /** Stops taking jobs and resolves when those in hand are done, or given back. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
  }

  /** What is in hand is another worker's; an outcome that it still has here is taken all the same. */
  giveBack(): void {
    this.isOver = true;
    for (const back of this.hands) back();
  }

  private take(run: () => Promise<void>): Promise<JobOutcome> {
    return new Promise((resolve, reject) => {
      const back = (): void => resolve('given back');
      this.hands.add(back);
      this.options.used();
      this.outcome(run)
        .finally(() => {
          this.hands.delete(back);
          this.options.used();
        })
        .then(resolve, reject);
    });
  }

  private async outcome(run: () => Promise<void>): Promise<JobOutcome> {
    if (!(await this.options.mayRun()) || this.isOver) return 'given back';
    await run();
    return 'settled';
  }
}
