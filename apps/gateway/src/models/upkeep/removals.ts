/**
 * Sees removed versions to their end: their predictions fail, their queues go when no worker holds them any more, their
 * packages go, and then their names are free again.
 *
 * Invariant: all predictions of a version have ended before its name may be registered again, so that none runs on another
 * package than it was accepted for.
 */
import {
  DepartureWriter,
  FleetReader,
  modelKey,
  VersionPredictions,
  VersionQueues,
  type Removed,
  type VersionName,
} from '#inference';
import type { GatewayContext } from '../../context.js';
import type { UnusedPackages } from '../packages/unused-packages.js';

/** Until every gateway has seen the removal, and what it had just accepted is written. */
const SETTLE_MS = 2_000;
/** A worker that holds it for longer has it in a folder of its own. */
const HELD_MS = 60_000;
const REMOVED = {
  code: 'VERSION_REMOVED',
  message: 'The version was removed before this prediction had ended. Submit it again for another version.',
} as const;

export type RemovalsContext = Pick<
  GatewayContext,
  'redis' | 'keys' | 'clock' | 'registry' | 'ledger' | 'outbox' | 'log'
>;

export class Removals {
  private readonly fleet: FleetReader;
  private readonly queues: VersionQueues;
  private readonly predictions: VersionPredictions;
  private readonly departures: DepartureWriter;
  /** Those whose predictions have been failed once; the last time is when nobody holds it any more. */
  private readonly begun = new Set<string>();

  constructor(
    private readonly context: RemovalsContext,
    private readonly packages: Pick<UnusedPackages, 'drop'>,
  ) {
    const { redis, keys, clock } = context;
    this.fleet = new FleetReader(redis, keys, clock);
    this.queues = new VersionQueues(redis, keys);
    this.predictions = new VersionPredictions(redis, keys, clock);
    this.departures = new DepartureWriter(redis, keys.control);
  }

  async round(): Promise<void> {
    for (const removed of await this.context.registry.removed()) await this.advance(removed);
  }

  private async advance({ since, digest, ...of }: Removed): Promise<void> {
    const key = modelKey(of.name, of.version);
    if (!this.begun.has(key)) {
      await this.fail(of);
      this.begun.add(key);
    }
    const age = this.context.clock.now() - since;
    if (age < SETTLE_MS) return;
    const held = await this.isHeld(of);
    if (held && age < HELD_MS) return;
    await this.fail(of);
    if (!held) {
      await this.context.outbox.closeVersion(of);
      await this.queues.forget(of);
    }
    // Whoever was asked to remove it may have died before he came to this.
    if (digest !== undefined) await this.packages.drop(digest);
    await this.context.registry.removalOver(of);
    this.begun.delete(key);
    this.context.log.info({ model: of.name, version: of.version }, 'nothing of a removed version is left');
  }

  private async isHeld({ name, version }: VersionName): Promise<boolean> {
    const { workers } = await this.fleet.read();
    return workers.some(({ versions }) =>
      versions.some((each) => each.name === name && each.version === version && HOLDING.has(each.state)),
    );
  }

  private async fail(of: VersionName): Promise<void> {
    const { ledger, outbox } = this.context;
    for await (const portion of this.predictions.live(of)) {
      await Promise.all(
        portion.map(async (prediction) => {
          const ended = await ledger.fail(prediction, REMOVED);
          if (ended.applied) this.departures.tell(prediction.id);
          await outbox.dispatch(ended.outbox);
        }),
      );
    }
  }
}

const HOLDING = new Set(['starting', 'ready', 'draining']);
