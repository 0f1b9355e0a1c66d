/**
 * The model versions of this worker and where each stands: starting → ready | failed, all → draining.
 *
 * Invariants: a version consumes its queue only from `ready` on; a failed version harms no other; a state changes in
 * `move` alone, and the log line and the heartbeat hang on that change.
 */
import { Batcher, type BatcherOptions, type LoadedModel, type ServedVersion } from '#inference';
import type { WorkerContext } from '../context.js';
import { failure, type Part } from '../predictions/part.js';
import type { ReplyOutlet } from '../predictions/reply-outlet.js';
import type { Target } from '../predictions/intake.js';
import { Consumers, type Processors } from './consumers.js';
import type { PackageFolder } from './package-folders.js';

type State = ServedVersion['state'];

interface Version extends PackageFolder {
  state: State;
  reason?: string;
  target?: Target;
  consumers?: Consumers;
}

export interface ServedModelsOptions extends Processors {
  context: WorkerContext;
  outlet: ReplyOutlet;
  executors: number;
  /** A version has a batcher and may be dispatched. */
  serves(key: string, target: Pick<Target, 'batcher' | 'bulk'>): void;
  changed(): void;
}

export class ServedModels {
  private readonly versions = new Map<string, Version>();

  constructor(private readonly options: ServedModelsOptions) {}

  expect(folder: PackageFolder): void {
    this.versions.set(folder.key, { ...folder, state: 'starting' });
  }

  *packages(): Iterable<[string, string]> {
    for (const { key, directory, state } of this.versions.values()) if (state !== 'failed') yield [key, directory];
  }

  /** An executor holds the version; the first to do so makes it ready. */
  async loaded(key: string, { description, placement }: LoadedModel): Promise<void> {
    const version = this.versions.get(key);
    if (!version || version.target) return;
    const { context, outlet } = this.options;
    context.log.info({ model: key, placement }, 'nodes placed');
    const options: BatcherOptions<Part> = {
      maxBatchSize: description.maxBatchSize,
      runTimeoutMs: description.runTimeoutMs,
      clock: context.clock,
      dropped: ({ prediction }, reason) => {
        const code = reason === 'departed' ? 'CALLER_GONE' : 'DEADLINE_EXCEEDED';
        context.metrics.outcomes.inc({ model: description.name, version: description.version, outcome: code });
        outlet.fail(prediction, failure(code));
      },
    };
    const batcher = new Batcher(options);
    const bulk = new Batcher({ ...options, latency: batcher.latency });
    version.target = { description, batcher, bulk };
    this.options.serves(key, version.target);
    const before = await context.fleet.describe(description);
    if (before !== undefined && before !== description.checksum) {
      context.log.warn(
        { model: key },
        'another worker has served other files under this name and version; give changed files a new version',
      );
    }
    if (version.state === 'starting') await this.consume(version);
  }

  /** Tells the fleet again what is served here: a description runs out, and Redis may have come back empty. */
  async announce(): Promise<void> {
    for (const { target } of this.versions.values()) {
      if (target) await this.options.context.fleet.describe(target.description);
    }
  }

  refused(key: string, reason: string): void {
    const version = this.versions.get(key);
    if (version?.state === 'starting' && !version.target) this.move(version, 'failed', reason);
  }

  /** Marks a prediction whose caller has gone; false when no batcher has it. */
  depart(id: string): boolean {
    return [...this.versions.values()].some(
      ({ target }) => target !== undefined && (target.batcher.depart(id) || target.bulk.depart(id)),
    );
  }

  list(): ServedVersion[] {
    return [...this.versions.values()].map(({ name, version, state, reason, target }) => ({
      name,
      version,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...target?.batcher.latency.line(),
      depth: (target?.batcher.depth ?? 0) + (target?.bulk.depth ?? 0),
    }));
  }

  target(key: string): Target | undefined {
    return this.versions.get(key)?.target;
  }

  /** Stops taking jobs, finishes those in hand; gives them up after `graceMs`. Resolves to whether all finished. */
  async drain(graceMs: number): Promise<boolean> {
    const consumers: Consumers[] = [];
    for (const version of this.versions.values()) {
      if (version.consumers) consumers.push(version.consumers);
      version.target?.batcher.drain();
      version.target?.bulk.drain();
      this.move(version, 'draining');
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), graceMs)));
    const closed = Promise.all(consumers.map((consumer) => consumer.close())).then(() => true);
    const finished = await Promise.race([closed, late]);
    clearTimeout(timer);
    // What is still in hand loses its lock with this process, and another worker takes it over.
    return finished;
  }

  private async consume(version: Version): Promise<void> {
    version.consumers = new Consumers(version.target!, this.options);
    await version.consumers.ready();
    if (version.state === 'starting') this.move(version, 'ready');
  }

  private move(version: Version, state: State, reason?: string): void {
    version.state = state;
    if (reason !== undefined) version.reason = reason;
    const { log } = this.options.context;
    if (state === 'failed') log.error({ model: version.key, reason }, 'model refused; the others are served');
    else log.info({ model: version.key }, `model ${state}`);
    this.options.changed();
  }
}
