/** A verification is asked for again when its job may be lost, not sooner and not for ever. */
import type { CheckJob } from '#inference';
import { registered, registryView } from '../../../../../test/fixtures/fleet.js';
import { FixedClock } from '../../../../../test/fixtures/ledger.js';
import { snapshotOf } from '../catalog/fleet-snapshot.js';
import { LostChecks, type LostChecksOptions } from './lost-checks.js';

type State = 'registered' | 'verifying' | 'available' | 'failed';

function lost(state: State, { updated, check = 3 }: { updated: number; check?: number }) {
  const clock = new FixedClock(updated);
  const added: Omit<CheckJob, 'v'>[] = [];
  const ended: unknown[] = [];
  const one = registered('m', '1', { state, check, updated, description: undefined });
  const view = snapshotOf({ workers: [], models: [] }, registryView([one]));
  const chore = new LostChecks({
    context: {
      clock,
      log: { warn: () => undefined },
      registry: { endCheck: (...args: unknown[]) => Promise.resolve(ended.push(args) > 0) },
    },
    catalog: { view },
    checks: { add: (job: Omit<CheckJob, 'v'>) => Promise.resolve(void added.push(job)) },
  } as unknown as LostChecksOptions);
  return { clock, added, ended, chore, digest: one.head.digest };
}

it.each(['registered', 'verifying'] as const)('one that is %s is asked for every 5 s', async (state) => {
  const { clock, added, chore, digest } = lost(state, { updated: 1_000_000 });
  const counts = [];
  for (const ms of [4_999, 1, 1_000, 4_000]) {
    clock.pass(ms);
    await chore.round();
    counts.push(added.length);
  }
  expect(counts).toEqual([0, 1, 1, 2]);
  expect(added[0]).toEqual({ name: 'm', version: '1', digest, check: 3 });
});

it.each(['available', 'failed'] as const)('one that is %s is not', async (state) => {
  const { clock, added, chore } = lost(state, { updated: 0 });
  clock.pass(60_000);
  await chore.round();
  expect(added).toEqual([]);
});

it('one that no worker ends is given up after half an hour; one that none begins is not', async () => {
  for (const [state, times] of [
    ['verifying', 1],
    ['registered', 0],
  ] as const) {
    const { clock, ended, chore } = lost(state, { updated: 1_000 });
    clock.pass(1_800_001);
    await chore.round();
    expect(ended).toHaveLength(times);
  }
});
