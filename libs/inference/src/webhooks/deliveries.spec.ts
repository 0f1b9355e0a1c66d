/** Proves: a delivery and its endpoint are judged by what they did, not by what they were asked to wait or said twice. */
import { ledgerInEach, type LedgerOnRedis } from '../../../../test/fixtures/ledger.js';
import { newId } from '../contract/id.js';
import { Deliveries, type DeliveryRun, type DeliveryTurn } from './deliveries.js';
import { RetrySchedule } from './schedule.js';

const HOUR = 3_600_000;
const KEEP_MS = 10 * HOUR;
const ENDPOINT = { id: 'e1', url: 'https://example.com/hook', attempts: 0 };

describe('deliveries', () => {
  let at: LedgerOnRedis;
  let deliveries: Deliveries;

  ledgerInEach((it) => {
    at = it;
    const { redis, keys, clock } = it;
    // Whose life is an hour.
    deliveries = new Deliveries({ redis, keys, clock, schedule: new RetrySchedule([0, 10]), keepMs: KEEP_MS });
  });

  const made = (): DeliveryRun => ({
    ref: { prediction: newId('p'), event: 'completed', generation: 0 },
    round: 0,
    token: newId('k'),
  });
  const begin = (run: DeliveryRun): Promise<DeliveryTurn> =>
    deliveries.begin(run, { owner: 'public', url: ENDPOINT.url, at: at.clock.now(), endpoint: ENDPOINT.id });
  const fail = (run: DeliveryRun, afterMs: number) =>
    deliveries.settle(run, ENDPOINT, {
      verdict: 'failed',
      attempt: { at: at.clock.now(), ms: 1, status: 503 },
      afterMs,
    });
  const failures = (): Promise<string | null> => at.redis.hget(`${at.keys.prefix}:health:${ENDPOINT.id}`, 'failures');

  async function keepBusy(): Promise<void> {
    for (let i = 0; i < 2; i++) expect(await begin(made())).toMatchObject({ kind: 'granted' });
  }

  it('expire when an attempt has been due for too long, whatever was waited before it was due', async () => {
    const run = made();
    await begin(run);
    await fail(run, 24 * HOUR);
    at.clock.pass(24 * HOUR);
    await keepBusy();
    expect(await begin(run)).toMatchObject({ kind: 'parked' });
    at.clock.pass(HOUR + 1);
    await keepBusy();
    expect(await begin(run)).toMatchObject({ kind: 'ends', state: 'failed' });
  });

  it('count a failure once for their endpoint, though it is reported twice', async () => {
    const run = made();
    await begin(run);
    expect(await fail(run, 10)).toMatchObject({ state: 'pending' });
    expect(await fail(run, 10)).toMatchObject({ state: undefined });
    expect(await failures()).toBe('1');
  });

  it('count a failure of which the permit ran out, and one of a round that is over', async () => {
    const late = made();
    await begin(late);
    at.clock.pass(6_000);
    await begin(made());
    await fail(late, 10);
    expect(await failures()).toBe('1');
    const replayed = made();
    await begin(replayed);
    await deliveries.replay(`msg_${replayed.ref.prediction}_completed_0`, 'public');
    expect(await fail(replayed, 10)).toMatchObject({ state: undefined });
    expect(await failures()).toBe('2');
  });

  it('do not forget what an endpoint did since for a success that is reported twice', async () => {
    const run = made();
    await begin(run);
    const succeed = () =>
      deliveries.settle(run, ENDPOINT, { verdict: 'delivered', attempt: { at: at.clock.now(), ms: 1, status: 200 } });
    await succeed();
    const other = made();
    await begin(other);
    await fail(other, 10);
    await succeed();
    expect(await failures()).toBe('1');
  });

  it('are listed for their owner as long as the last of them may be kept, and then no more', async () => {
    await begin(made());
    const left = await at.redis.pttl(at.keys.deliveries('public'));
    expect(left).toBeGreaterThan(KEEP_MS + HOUR - 60_000);
    expect(left).toBeLessThanOrEqual(KEEP_MS + HOUR);
  });
});
