/** Tells the fleet once a second, and at every change, what this worker serves; says good-bye on the way out. */
import { HEARTBEAT_INTERVAL_MS, type Heartbeat } from '#inference';
import type { WorkerContext } from './context.js';
import type { ExecutorSupervisor } from './executor.supervisor.js';

const BUILD = '0.1.0';
const LEAVE_MS = 1_000;
/** A fleet that has forgotten a model is told within this. */
const ANNOUNCE_MS = 10_000;

export class HeartbeatService {
  private timer: NodeJS.Timeout | undefined;
  private announcing: NodeJS.Timeout | undefined;
  private queued = false;
  private supervisor: ExecutorSupervisor | undefined;

  constructor(private readonly context: WorkerContext) {}

  start(supervisor: ExecutorSupervisor): void {
    this.supervisor = supervisor;
    this.timer = setInterval(() => this.beat(), HEARTBEAT_INTERVAL_MS);
    this.announcing = setInterval(() => this.announce(supervisor), ANNOUNCE_MS);
    this.context.redis.on('ready', () => this.announce(supervisor));
    this.beat();
  }

  /** Beats at once; further calls while one is under way are one more beat. */
  beat(): void {
    const { supervisor } = this;
    if (this.queued || !supervisor) return;
    this.queued = true;
    setImmediate(() => {
      this.queued = false;
      this.context.fleet.beat(this.current(supervisor)).catch((error: unknown) => {
        this.context.log.warn({ reason: String(error) }, 'heartbeat failed');
      });
    });
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    clearInterval(this.announcing);
    // With Redis away the heartbeat runs out by itself.
    const late = new Promise<void>((resolve) => setTimeout(resolve, LEAVE_MS).unref());
    await Promise.race([this.context.fleet.leave(this.context.id), late]);
  }

  private announce(supervisor: ExecutorSupervisor): void {
    supervisor.models.announce().catch((error: unknown) => {
      this.context.log.warn({ reason: String(error) }, 'models could not be announced');
    });
  }

  private current(supervisor: ExecutorSupervisor): Heartbeat {
    const versions = supervisor.models.list();
    const { alpha, beta, backlog, memory } = this.context.metrics;
    const used = supervisor.models.bytes;
    const budget = this.context.config.modelMemory;
    memory.set(used);
    for (const version of versions) {
      const labels = { model: version.name, version: version.version };
      backlog.set(labels, version.depth);
      if (version.alpha !== undefined) alpha.set(labels, version.alpha);
      if (version.beta !== undefined) beta.set(labels, version.beta);
    }
    return {
      v: 1,
      worker: this.context.id,
      build: BUILD,
      device: this.context.config.providers[0] ?? 'cpu',
      slots: supervisor.usableSlots,
      versions,
      ...(budget === undefined ? {} : { memory: { used, budget } }),
    };
  }
}
