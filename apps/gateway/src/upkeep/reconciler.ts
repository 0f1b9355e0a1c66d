/**
 * Settles every prediction that has not ended and that nobody else will: its deadline has passed, its job has failed
 * without any processor having been called, or its job is gone.
 *
 * Invariants: it acts only through the ledger, so whoever settles first has settled; a job is added again only for a
 * generation that has none, and one that runs for nothing finds its record ended; one finding that fails keeps no
 * other waiting and comes up again.
 */
import { createHash } from 'node:crypto';
import { DepartureWriter, DueSet, durableJobId, type Finding, type Transition } from '#inference';
import type { GatewayContext } from '../context.js';
import { clearShared } from '../durable/shared-jobs.js';

/** Small enough that neither Redis nor a caller of this gateway waits for a round. */
const PER_ROUND = 128;
/** A prediction submitted meanwhile may be due sooner than any that was seen. */
const IDLE_MS = 1_000;

export type ReconcilerContext = Pick<
  GatewayContext,
  'redis' | 'keys' | 'clock' | 'ledger' | 'outbox' | 'log' | 'metrics'
>;

export class Reconciler {
  private readonly due: DueSet;
  private readonly departures: DepartureWriter;

  constructor(private readonly context: ReconcilerContext) {
    const { redis, keys, clock } = context;
    this.due = new DueSet(redis, keys, clock);
    this.departures = new DepartureWriter(redis, keys.control);
  }

  /** One round; ms until the next. */
  async round(): Promise<number> {
    const { looked, findings, next } = await this.due.look(PER_ROUND);
    const results = await Promise.allSettled(findings.map((finding) => this.settle(finding)));
    await this.clear(findings);
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed.length > 0) throw failed[0]!.reason;
    if (looked === PER_ROUND) return 0;
    if (next === undefined) return IDLE_MS;
    return Math.min(IDLE_MS, Math.max(1, next - Math.floor(this.context.clock.now())));
  }

  private async settle(finding: Finding): Promise<void> {
    if (finding.what === 'missing') await this.context.outbox.queue(finding).add(finding);
    else if (finding.what === 'failed') await this.fail(finding);
    else await this.expire(finding, finding.what);
    this.context.metrics.reconciled.inc({ action: ACTIONS[finding.what] });
  }

  private async expire(finding: Finding, what: 'unstarted' | 'running'): Promise<void> {
    await this.ended(finding, await this.context.ledger.expire(finding, LATE[what]));
    this.departures.tell(finding.id);
  }

  private async fail(finding: Finding): Promise<void> {
    const { ledger, log } = this.context;
    const input = await ledger.input(finding.id);
    const digest = input === null ? '' : createHash('sha256').update(input).digest('hex');
    const { id, generation, model, version } = finding;
    log.error({ prediction: id, generation, model, version, digest }, 'lost with its workers too often: a dead letter');
    await this.ended(finding, await ledger.fail(finding, { ...LOST, dead: { reason: 'lost', digest } }));
  }

  private async clear(findings: readonly Finding[]): Promise<void> {
    const jobs = new Map(findings.filter(({ what, job }) => job !== '' && what !== 'missing').map((f) => [f.job, f]));
    await Promise.all([...jobs].map(([job, finding]) => clearShared(this.context, finding, job)));
  }

  /** The delivery that the end calls for, and no job that would run for nothing. */
  private async ended(finding: Finding, { outbox }: Transition): Promise<void> {
    await Promise.all([
      this.context.outbox.dispatch(outbox),
      this.context.outbox.queue(finding).remove(durableJobId(finding)),
    ]);
  }
}

const ACTIONS = { unstarted: 'aborted', running: 'canceled', failed: 'lost', missing: 'added' } as const;

const LATE = {
  unstarted: {
    code: 'DEADLINE_EXCEEDED',
    message: 'No worker had started it by its deadline. Allow more time with Cancel-After, or add workers.',
  },
  running: {
    code: 'DEADLINE_EXCEEDED',
    message: 'It had started but not ended by its deadline. Allow more time with Cancel-After.',
  },
} as const;

const LOST = {
  code: 'WORKER_LOST',
  message:
    'The workers that held it vanished too often. Its input is kept: see the logs of the workers, then retry it.',
} as const;
