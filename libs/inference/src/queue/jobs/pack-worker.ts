/**
 * The receiving end of the fast lane: a BullMQ worker on one version's pack queue.
 *
 * Invariants: a pack's payload is deleted only after BullMQ has accepted the completion, for a worker that was paused
 * past its lock must not delete what the new owner needs; `process` resolves after every reply is in Redis.
 */
import type { Job, Worker } from 'bullmq';
import { pack, type Pack } from '../../contract/pack.js';
import { openWorker, unreadable, type TakingEnd } from './open-worker.js';
import { ended, type JobOutcome } from './outcome.js';

const FORGET_MS = 50;
const FORGET_AT_ONCE = 64;

export interface IncomingPack {
  id: string;
  pack: Pack;
  /** True when another worker held this pack before and vanished. */
  redelivered: boolean;
  /** Reads the inputs; null when they are gone. */
  payload(): Promise<Buffer | null>;
}

export interface PackWorkerOptions extends TakingEnd {
  process(incoming: IncomingPack): Promise<JobOutcome>;
}

export class PackWorker {
  private readonly worker: Worker;
  private forgotten: string[] = [];

  constructor(private readonly options: PackWorkerOptions) {
    this.worker = openWorker(options, (job, token) => this.process(job, token), {
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    this.worker.on('completed', (job) => this.forget(job.id!));
    this.worker.on('failed', (job, error) => {
      if (job) this.forget(job.id!);
      options.failed(error);
    });
  }

  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  /** Stops taking packs and resolves when those in hand are completed. */
  async close(): Promise<void> {
    await this.worker.close();
    this.unlink();
  }

  private async process(job: Job, token: string | undefined): Promise<null> {
    const parsed = pack.safeParse(job.data);
    if (!parsed.success) throw unreadable('a pack', job);
    const id = job.id!;
    const outcome = await this.options.process({
      id,
      pack: parsed.data,
      redelivered: job.stalledCounter > 0,
      payload: () => this.options.redis.getBuffer(this.options.keys.payload(id)),
    });
    return ended(job, token, outcome);
  }

  /** Nothing waits for a payload to go, so many go with one command; one that stays has a TTL. */
  private forget(id: string): void {
    if (this.forgotten.length === 0) setTimeout(() => this.unlink(), FORGET_MS).unref();
    this.forgotten.push(this.options.keys.payload(id));
    if (this.forgotten.length >= FORGET_AT_ONCE) this.unlink();
  }

  private unlink(): void {
    const keys = this.forgotten.splice(0);
    if (keys.length > 0) this.options.redis.unlink(keys).catch(() => undefined);
  }
}
