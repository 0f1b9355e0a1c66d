/**
 * Verifications of registered packages, as far as this worker takes them: one at a time, each in a confined child that
 * gives way to what serves.
 *
 * Invariants: a verification that was begun ends with a report in the registration, or goes back to the queue when this
 * worker stops, or to gateways when none of them gives its package out; one that has ended several workers is ended itself; only what the report says leaves here, never an
 * error of ours.
 */
import {
  CHECKS,
  CheckWorker,
  Registry,
  RegistryReader,
  verifyPackage,
  type IncomingCheck,
  type JobOutcome,
  type PackageName,
  type RegistrationDetails,
  type Verified,
} from '#inference';
import type { WorkerContext } from '../../context.js';
import { GatewayAway } from '../packages/package-fetch.js';

/** Deaths of workers by accident do not come three in a row. */
const MAX_LOSSES = 3;

export interface CheckOptions {
  /** engine/verify/verifier.js of this build. */
  entry: URL;
  /** The folder of a registered package. @throws Error with a sentence for the operator. */
  packageFolder(of: PackageName): Promise<string>;
}

export class CheckProcessor {
  private readonly registry: Registry;
  private readonly reader: RegistryReader;
  private readonly stopping = new AbortController();
  private worker: CheckWorker | undefined;

  constructor(
    private readonly context: WorkerContext,
    private readonly options: CheckOptions,
  ) {
    const { redis, keys, clock } = context;
    this.registry = new Registry(redis, keys, clock);
    this.reader = new RegistryReader(redis, keys);
  }

  start(): void {
    const { redis, keys, log } = this.context;
    this.worker = new CheckWorker({
      redis,
      keys,
      process: (incoming) => this.process(incoming),
      failed: (error) => log.debug({ reason: error.message }, 'queue'),
    });
  }

  /** Takes no more; what is under way goes back to the queue. */
  async stop(): Promise<void> {
    const closed = this.worker?.close();
    this.stopping.abort();
    await closed;
  }

  private async process({ job, losses }: IncomingCheck): Promise<JobOutcome> {
    const { log, metrics } = this.context;
    const model = `${job.name}:${job.version}`;
    if (!(await this.registry.beginCheck(job))) return 'settled';
    const details = await this.reader.details(job);
    if (!details) return 'settled';
    log.info({ model, check: job.check, losses }, 'a package is verified');
    let verified: Verified;
    try {
      verified = losses < MAX_LOSSES ? await this.verify(details) : this.failed(lost(losses));
    } catch (error) {
      if (error instanceof GatewayAway) {
        // Gateways ask for it again, of any worker, until it has ended or too long has passed.
        log.warn({ model, reason: error.message }, 'a verification waits for its package');
        return 'settled';
      }
      if (!this.stopping.signal.aborted) throw error;
      log.info({ model }, 'the worker stops; the verification goes back to the queue');
      return 'given back';
    }
    const { report, reason } = verified;
    await this.registry.endCheck(job, verified);
    const { outcome, ms } = report;
    metrics.verifications.inc({ outcome });
    if (outcome === 'passed') log.info({ model, ms }, 'package verified');
    else log.warn({ model, ms, reason }, 'package refused');
    return 'settled';
  }

  /** @throws the reason of the stop. */
  private async verify({ registration, files }: RegistrationDetails): Promise<Verified> {
    const { config, id } = this.context;
    const { name, version, digest } = registration.head;
    const { signal } = this.stopping;
    let folder: string;
    try {
      folder = await this.options.packageFolder({ name, version, digest });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof GatewayAway) throw error;
      return this.failed(`${(error as Error).message} Then register the package again.`);
    }
    return verifyPackage(folder, {
      entry: this.options.entry,
      // Beside what serves, one thread is what it gets.
      settings: { threads: 1, providers: config.providers, cpuFallback: config.cpuFallback },
      timeoutMs: config.checkTimeoutMs,
      memoryBytes: config.checkMemoryBytes,
      worker: id,
      ...{ files, digest, signal },
    });
  }

  /** One that did not come to any check. */
  private failed(reason: string): Verified {
    const [first, ...others] = CHECKS;
    return {
      report: {
        v: 1,
        outcome: 'failed',
        started: Date.now(),
        ms: 0,
        worker: this.context.id,
        checks: [
          { check: first, status: 'failed', message: reason, ms: 0 },
          ...others.map((check) => ({ check, status: 'skipped' as const, ms: 0 })),
        ],
      },
      reason,
    };
  }
}

function lost(losses: number): string {
  return (
    `The verification ended ${losses} workers, one after the other, most likely for want of memory.` +
    ' Lower SLUICE_CHECK_MEMORY_BYTES to what a worker has to spare, then register the package again.'
  );
}
