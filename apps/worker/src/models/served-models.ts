/**
 * The model versions of this worker, and what it takes to serve one: executors that hold it, a batcher, consumers.
 * Which of them are to be served is decided elsewhere (model-life.ts).
 *
 * Invariants: a version consumes its queues only while executors hold it; a failed version harms no other; whatever
 * changes a state tells the log and the heartbeat.
 */
import { Batcher, packageMark, type BatcherOptions, type LoadedModel, type ServedVersion } from '#inference';
import type { WorkerContext } from '../context.js';
import { failure, type Part } from '../predictions/part.js';
import type { ReplyOutlet } from '../predictions/reply-outlet.js';
import type { Target } from '../predictions/intake.js';
import { Consumers, type Processors } from './consumers.js';
import type { State, Version } from './version.js';

/** For Redis to take back what is in hand at the end of a drain. */
const GIVE_BACK_MS = 500;

export interface ServedModelsOptions extends Processors {
  context: WorkerContext;
  outlet: ReplyOutlet;
  executors: number;
  /** Whether an executor for callers has memory for it still. */
  holds(key: string): boolean;
  /** The same of any executor. */
  isInMemory(key: string): boolean;
  /** How many copies of it are to be reckoned with while it is held. */
  copies(key: string): number;
  /** What executors are to hold has changed. */
  fill(): void;
  /** A version has a batcher and may be dispatched. */
  serves(key: string, target: Pick<Target, 'batcher' | 'bulk'>): void;
  unserves(key: string): void;
  /** Resolves when this worker knows what is registered now. */
  current(): Promise<void>;
  /** No executor can hold a version any more that is ready. */
  lost(version: Version, reason: string): void;
  changed(): void;
}

interface Pending {
  resolve(): void;
  reject(error: Error): void;
}

export class ServedModels {
  private readonly versions = new Map<string, Version>();
  private readonly coming = new Map<string, Pending>();
  private readonly going = new Map<string, () => void>();
  /** Take no more jobs, and have some in hand. */
  private readonly closing = new Set<Consumers>();
  private isEnding = false;
  private readonly listeners: ((version: Version) => void)[] = [];

  constructor(private readonly options: ServedModelsOptions) {}

  add(version: Version): void {
    this.versions.set(version.key, version);
  }

  get(key: string): Version | undefined {
    return this.versions.get(key);
  }

  all(): Version[] {
    return [...this.versions.values()];
  }

  /** Called when jobs come and go. */
  onUse(listener: (version: Version) => void): void {
    this.listeners.push(listener);
  }

  /** Bytes of what executors hold or are to hold. */
  get bytes(): number {
    return this.all().reduce((sum, version) => sum + (this.takesMemory(version) ? this.bytesOf(version) : 0), 0);
  }

  bytesOf({ key, memory }: Version): number {
    return this.options.copies(key) * memory.bytes;
  }

  takesMemory({ key, isHeld }: Version): boolean {
    return isHeld || this.options.isInMemory(key);
  }

  /** For an executor: what it is to hold, first what somebody waits for, then what was used last. */
  packages(): [string, string][] {
    const urgency = ({ key, usedAt }: Version): number => (this.coming.has(key) ? Infinity : usedAt);
    return this.all()
      .filter(({ isHeld }) => isHeld)
      .sort((a, b) => (urgency(a) === urgency(b) ? 0 : urgency(b) - urgency(a)))
      .map(({ key, directory }) => [key, directory!]);
  }

  /** Resolves when the first executor holds it. @throws Error with what is wrong with its package. */
  async hold(version: Version): Promise<void> {
    version.isHeld = true;
    const held = new Promise<void>((resolve, reject) => this.coming.set(version.key, { resolve, reject }));
    this.options.fill();
    try {
      await held;
    } catch (error) {
      version.isHeld = false;
      throw error;
    } finally {
      this.coming.delete(version.key);
    }
  }

  /** Takes its jobs from now on, unless this worker is about to end. */
  async consume(version: Version): Promise<void> {
    if (this.isEnding) return;
    const used = (): void => {
      version.usedAt = performance.now();
      for (const listener of this.listeners) listener(version);
    };
    const mayRun = async (): Promise<boolean> => {
      // A worker that stood still or was cut off may hold what has been removed, and the name is another package's.
      if (version.digest !== undefined) await this.options.current();
      return !version.isGone;
    };
    version.consumers = new Consumers(version.target!, { ...this.options, used, mayRun });
    await version.consumers.ready();
  }

  /** Takes no more jobs; resolves when those in hand are done. */
  async endConsuming(version: Version): Promise<void> {
    const { consumers } = version;
    version.consumers = undefined;
    if (!consumers) return;
    this.closing.add(consumers);
    await consumers.close();
    this.closing.delete(consumers);
  }

  /** Resolves when no executor has memory for it any more. */
  async release(version: Version): Promise<void> {
    version.isHeld = false;
    const gone = new Promise<void>((resolve) => this.going.set(version.key, resolve));
    this.options.fill();
    this.released();
    await gone;
  }

  /** It is known no longer. */
  drop({ key, name, version }: Version): void {
    this.versions.delete(key);
    this.options.unserves(key);
    const { alpha, beta, backlog } = this.options.context.metrics;
    for (const gauge of [alpha, beta, backlog]) gauge.remove({ model: name, version });
    this.options.changed();
  }

  /** An executor holds the version. */
  loaded(key: string, { description, placement, grownBytes }: LoadedModel): void {
    const version = this.versions.get(key);
    if (!version) return;
    if (grownBytes !== undefined) version.memory.loaded(grownBytes);
    if (!this.coming.has(key)) return;
    this.options.context.log.info({ model: key, placement }, 'nodes placed');
    version.describe(description);
    this.limit(version);
    this.coming.get(key)?.resolve();
  }

  refused(key: string, reason: string): void {
    const version = this.versions.get(key);
    this.coming.get(key)?.reject(new Error(reason));
    if (version?.state === 'ready' && !this.options.holds(key)) this.options.lost(version, reason);
  }

  /** Executors have let go of something. */
  released(): void {
    for (const [key, gone] of this.going) {
      if (this.options.isInMemory(key)) continue;
      this.going.delete(key);
      gone();
    }
  }

  /** What it is served as, by its package and the limits that are set now, is what counts from now on. */
  limit(version: Version): void {
    const { description, target } = version;
    if (!description) return;
    if (!target) {
      version.target = this.targetOf(version);
      this.options.serves(version.key, version.target);
    } else {
      target.description = description;
      target.batcher.resize(description.maxBatchSize);
      target.bulk.resize(description.maxBatchSize);
    }
  }

  /** Tells the fleet what is served here: a description runs out, and Redis may have come back empty. */
  async announce(some?: readonly Version[]): Promise<void> {
    const { fleet, log } = this.options.context;
    // What was removed while this worker was away would be known again.
    await this.options.current();
    const versions = some ?? this.all().filter(({ isDesired }) => isDesired);
    for (const { key, target, isGone } of versions) {
      if (!target || isGone) continue;
      const before = await fleet.describe(target.description);
      if (before === undefined || before === target.description.checksum) continue;
      log.warn(
        { model: key },
        'another worker has served other files under this name and version; give changed files a new version',
      );
    }
  }

  /** Marks a prediction whose caller has gone; false when no batcher has it. */
  depart(id: string): boolean {
    return this.all().some(
      ({ target }) => target !== undefined && (target.batcher.depart(id) || target.bulk.depart(id)),
    );
  }

  list(): ServedVersion[] {
    return this.all()
      .filter(({ isDesired, state }) => isDesired || state !== 'loadable')
      .map((version) => version.served(this.options.copies(version.key)));
  }

  target(key: string): Target | undefined {
    return this.versions.get(key)?.target;
  }

  move(version: Version, state: State, reason?: string): void {
    if (version.state === state && version.reason === reason) return;
    if (this.isEnding && state !== 'draining') return;
    version.move(state, reason);
    const { log } = this.options.context;
    if (state === 'failed') log.error({ model: version.key, reason }, 'model refused; the others are served');
    else log.info({ model: version.key }, `model ${state}`);
    this.options.changed();
  }

  /** It drains for another's sake. */
  makeRoom(version: Version): void {
    this.move(version, 'draining');
    version.makesRoom = true;
  }

  /** Stops taking jobs, finishes those in hand; gives them back after `graceMs`. Resolves to whether all finished. */
  async drain(graceMs: number): Promise<boolean> {
    this.isEnding = true;
    const versions = this.all();
    for (const version of versions) {
      version.target?.batcher.drain();
      version.target?.bulk.drain();
      this.move(version, 'draining');
    }
    const open = [...versions.flatMap(({ consumers }) => consumers ?? []), ...this.closing];
    const closed = Promise.all(open.map((consumers) => consumers.close()));
    const finished = await within(closed, graceMs);
    if (!finished) {
      for (const consumers of open) consumers.giveBack();
      // What Redis does not take back loses its lock with this process.
      await within(closed, GIVE_BACK_MS);
    }
    return finished;
  }

  private targetOf(version: Version): Target {
    const { context, outlet } = this.options;
    const { name, version: number } = version;
    const description = version.description!;
    const options: BatcherOptions<Part> = {
      maxBatchSize: description.maxBatchSize,
      runTimeoutMs: description.runTimeoutMs,
      clock: context.clock,
      dropped: ({ prediction }, reason) => {
        const code = reason === 'departed' ? 'CALLER_GONE' : 'DEADLINE_EXCEEDED';
        context.metrics.outcomes.inc({ model: name, version: number, outcome: code });
        outlet.fail(prediction, failure(code));
      },
    };
    const batcher = new Batcher(options);
    // Runs in the background are no measure for callers', nor the other way round.
    const shared = context.config.bulkExecutors === 0 ? { latency: batcher.latency } : {};
    const bulk = new Batcher({ ...options, ...shared });
    return { description, batcher, bulk, ...(version.digest && { mark: packageMark(version.digest) }) };
  }
}

async function within(done: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const isDone = await Promise.race([done.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}
