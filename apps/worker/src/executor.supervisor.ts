/**
 * The worker's engine room: its run slots, and the wiring from packs to batches to slots and back.
 *
 * Invariants: every death of an executor is noticed, counted and followed by a new one; a missing provider stops the
 * worker at start with the reason; nothing here runs native code.
 */
import { fileURLToPath } from 'node:url';
import { cpuQuota, Dispatcher, type ControlMessage, type ExecutorSettings } from '#inference';
import type { WorkerContext } from './context.js';
import { DurableProcessor } from './durable.processor.js';
import { availableMemory } from './executor/available-memory.js';
import { BackgroundSlots } from './executor/background-slots.js';
import { ExecutorSlot, type SlotOptions } from './executor/executor-slot.js';
import { canPinTo, hasIdleClass } from './executor/launch.js';
import { allowedProcessors, processorsOf } from './executor/processors.js';
import { ModelLife } from './models/model-life.js';
import { findPackages } from './models/packages/package-folders.js';
import { PackageSource } from './models/packages/package-source.js';
import { ServedModels } from './models/served-models.js';
import { BatchRunner } from './predictions/batch-runner.js';
import { Intake } from './predictions/intake.js';
import type { Part } from './predictions/part.js';
import { ReplyOutlet } from './predictions/reply-outlet.js';
import { PredictionProcessor } from './prediction.processor.js';

/** A run in progress at SIGTERM has had its drain already; what still runs then is a hang. */
const EXECUTOR_STOP_MS = 3_000;

export interface SupervisorEvents {
  /** Something that heartbeats and readiness show has changed. */
  changed(): void;
  /** The worker can never work as it is configured. */
  unable(message: string): void;
}

export class ExecutorSupervisor {
  readonly models: ServedModels;
  readonly slots: ExecutorSlot[] = [];
  /** Where packages of registered versions lie. */
  readonly packages: PackageSource;
  private readonly background: BackgroundSlots;
  private readonly life: ModelLife;
  private readonly dispatcher: Dispatcher<Part>;
  private readonly outlet: ReplyOutlet;
  private readonly runner: BatchRunner;
  private readonly processor: PredictionProcessor;
  private readonly allowed = allowedProcessors();
  private everLoaded = false;

  constructor(
    private readonly context: WorkerContext,
    entry: URL,
    private readonly events: SupervisorEvents,
  ) {
    const { executors, threads, providers, cpuFallback, bulkRunMs } = context.config;
    const settings = { threads, providers, cpuFallback };
    const background = (this.background = this.inBackground(fileURLToPath(entry), settings));
    this.dispatcher = new Dispatcher(this.slots, { bulkRunMs, clock: context.clock, background });
    const dispatch = (): void => this.dispatcher.dispatch();
    this.outlet = new ReplyOutlet(context);
    this.runner = new BatchRunner(context, this.outlet, dispatch);
    const intake = new Intake(context, this.outlet);
    this.processor = new PredictionProcessor(context, intake, dispatch);
    this.models = new ServedModels({
      context,
      outlet: this.outlet,
      packs: this.processor,
      durable: new DurableProcessor(context, intake, dispatch),
      executors,
      holds: (key) => this.holds(key),
      isInMemory: (key) => this.holds(key) || background.copies(key) > 0,
      copies: (key) => executors + this.copiesInBackground(key),
      fill: () => {
        for (const slot of this.slots) slot.fill();
        background.fill();
      },
      serves: (key, { batcher, bulk }) => this.dispatcher.serve(key, batcher, bulk),
      unserves: (key) => this.dispatcher.unserve(key),
      current: () => this.life.current(),
      lost: (version, reason) => this.life.lost(version, reason),
      changed: () => events.changed(),
    });
    this.packages = new PackageSource(context);
    this.life = new ModelLife(context, this.models, this.packages);
    for (let i = 0; i < executors; i++)
      this.slots.push(this.forCallers(fileURLToPath(entry), this.placed(settings, i)));
  }

  /** @throws Error when the models folder cannot be read, or executors cannot be pinned that are to be. */
  async start(): Promise<void> {
    if (this.context.config.pinExecutors && !canPinTo(this.allowed)) {
      throw new Error(
        'SLUICE_PIN_EXECUTORS is true, and executors cannot be pinned here: that takes Linux and taskset (util-linux). Install it, or leave the setting out.',
      );
    }
    const { packages, warnings } = await findPackages(this.context.config.modelsDir);
    for (const warning of warnings) this.context.log.warn(`models: ${warning}`);
    if (packages.length === 0) this.context.log.warn('the models folder holds no package; see docs/packages.md');
    for (const slot of this.slots) slot.start();
    await this.life.start(packages);
  }

  /** What gateways and the registry tell all workers. */
  heard(message: ControlMessage): void {
    for (const id of message.ids) if (!this.models.depart(id)) this.processor.depart(id);
    this.life.heard(message);
  }

  /** Slots that run batches or are about to again. */
  get usableSlots(): number {
    return this.slots.filter((slot) => slot.usable).length;
  }

  async stop(): Promise<void> {
    this.life.stop();
    const finished = await this.models.drain(this.context.config.drainMs);
    if (!finished)
      this.context.log.warn('packs were still running at the end of the drain; another worker takes them over');
    await Promise.all([...this.slots, this.background].map((each) => each.stop(EXECUTOR_STOP_MS)));
  }

  private holds(key: string): boolean {
    return this.slots.some((slot) => slot.holds(key));
  }

  /** A budget counts those that may come, so that it holds when they do. */
  private copiesInBackground(key: string): number {
    const { modelMemory, bulkExecutors } = this.context.config;
    return modelMemory === undefined ? this.background.copies(key) : bulkExecutors;
  }

  private forCallers(entry: string, settings: ExecutorSettings): ExecutorSlot {
    return new ExecutorSlot({
      ...this.anySlot(entry),
      settings,
      packages: () => this.models.packages(),
      loaded: (key, model) => {
        this.everLoaded = true;
        this.models.loaded(key, model);
      },
      refused: (key, reason) => this.models.refused(key, reason),
      grew: (key, slot, bytes) => this.models.get(key)?.memory.ran(slot, bytes),
      filled: (pid) => {
        this.context.log.info({ executor: pid }, 'executor ready');
        this.events.changed();
      },
      unable: (message) => {
        if (!this.everLoaded) this.events.unable(message);
      },
    });
  }

  private inBackground(entry: string, settings: ExecutorSettings): BackgroundSlots {
    const { log, config } = this.context;
    const slot = (): ExecutorSlot =>
      new ExecutorSlot({
        ...this.anySlot(entry),
        // On any processor: it goes where one is free.
        settings: { ...settings, isBackground: true },
        packages: () => this.models.packages().filter(([key]) => this.background.wants(key)),
        // What is known of a version comes from callers' executors, which held it before.
        loaded: () => undefined,
        grew: () => undefined,
        refused: (key, reason) => {
          log.warn({ model: key, reason }, "not held in the background: its bulk rows run in callers' executors");
          this.background.refused(key);
        },
        filled: (pid) => log.info({ executor: pid }, 'executor in the background ready'),
        unable: (message) => log.warn({ reason: message }, 'an executor in the background could not start'),
      });
    return new BackgroundSlots({
      slot,
      count: config.bulkExecutors,
      // Of a quota all take, whoever is served first.
      givesWay: () => hasIdleClass() && cpuQuota() === undefined,
      bytesOf: (key) => this.models.get(key)?.memory.bytes ?? 0,
      available: availableMemory,
      short: (key, facts) => log.warn({ model: key, ...facts }, "memory is short: bulk rows run in callers' executors"),
      released: () => this.models.released(),
      dispatch: () => this.dispatcher.dispatch(),
    });
  }

  /** On the processors of its place. */
  private placed(settings: ExecutorSettings, place: number): ExecutorSettings {
    if (!this.context.config.pinExecutors) return settings;
    return { ...settings, processors: processorsOf(place, settings.threads, this.allowed) };
  }

  private anySlot(entry: string): Pick<SlotOptions, 'entry' | 'released' | 'open' | 'died' | 'run'> {
    return {
      entry,
      released: () => this.models.released(),
      open: () => this.dispatcher.dispatch(),
      died: (cause) => {
        this.context.metrics.executorDeaths.inc({ cause });
        this.context.log.error({ cause }, 'an executor ended unasked; a new one is started');
        this.events.changed();
      },
      run: ({ slot, version: key, turn }, batch) => {
        const target = this.models.target(key)!;
        const { name, version } = target.description;
        void this.runner.run({ slot, turn }, { name, version, batcher: target.batcher }, batch);
      },
    };
  }
}
