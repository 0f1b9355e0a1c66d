/**
 * Verifications that nobody would do otherwise: their job was never added, or was lost with its worker.
 *
 * Invariant: adding a job that is there is nothing; a verification that is begun again and again ends as failed.
 */
import type { CheckQueue, ListedRegistration, VerificationReport } from '#inference';
import type { GatewayContext } from '../../context.js';
import type { ModelCatalog } from '../catalog/model-catalog.js';

/** Younger ones are in the hands of whoever registered them. */
const LOST_MS = 5_000;
/** Longer than any verification may take, fetching the package included: whoever began it is gone, or ends with it. */
const GIVE_UP_MS = 1_800_000;
const PER_ROUND = 100;
const GIVEN_UP =
  'No worker has ended its verification within 30 minutes: it may end the workers that try. See their logs, mend the package, register it again.';

export interface LostChecksOptions {
  context: Pick<GatewayContext, 'registry' | 'clock' | 'log'>;
  catalog: Pick<ModelCatalog, 'view'>;
  checks: Pick<CheckQueue, 'add'>;
}

export class LostChecks {
  /** When each was last asked for by this gateway. */
  private asked = new Map<string, number>();

  constructor(private readonly options: LostChecksOptions) {}

  async round(): Promise<void> {
    const now = this.options.context.clock.now();
    const before = this.asked;
    this.asked = new Map();
    let left = PER_ROUND;
    for (const { key, registration } of this.options.catalog.view.versions.values()) {
      if (!registration || (registration.state !== 'registered' && registration.state !== 'verifying')) continue;
      const last = before.get(key) ?? registration.updated;
      this.asked.set(key, last);
      if (now - last < LOST_MS || left-- <= 0) continue;
      this.asked.set(key, now);
      if (registration.state === 'verifying' && now - registration.updated > GIVE_UP_MS)
        await this.giveUp(registration);
      else await this.ask(registration);
    }
  }

  private ask({ head, check }: ListedRegistration): Promise<void> {
    const { name, version, digest } = head;
    return this.options.checks.add({ name, version, digest, check });
  }

  private async giveUp({ head, check, updated }: ListedRegistration): Promise<void> {
    const { registry, log, clock } = this.options.context;
    const { name, version, digest } = head;
    const ms = clock.now() - updated;
    const report: VerificationReport = { v: 1, outcome: 'failed', started: updated, ms, checks: [] };
    log.warn({ model: name, version }, 'a verification was given up');
    await registry.endCheck({ name, version, digest, check }, { report, reason: GIVEN_UP });
  }
}
