/** Proves: what one endpoint does to its deliveries no other's feel, and waiting for it never counts as an attempt. */
import { Deliveries, endpointId, newId, RetrySchedule, type DeliveryRef, type DeliveryRun } from '#inference';
import { WebhookBench } from '../../../../test/fixtures/webhooks.js';
import { Receiver } from '../../../../test/support/receiver.js';
import { until } from '../../../../test/support/until.js';

describe('isolation of endpoints', () => {
  const receivers: Receiver[] = [];
  let bench: WebhookBench;

  beforeEach(() => {
    bench = new WebhookBench();
  });
  afterEach(async () => {
    await bench.close();
    await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  });

  async function receiver(): Promise<Receiver> {
    const started = await Receiver.start();
    receivers.push(started);
    return started;
  }

  const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, make));

  it('keeps at two in flight to one endpoint over two gateways, and delivers all', async () => {
    await bench.gateway();
    await bench.gateway();
    const busy = await receiver();
    busy.answer({ status: 200, afterMs: 20 });
    const ids = await times(60, () => bench.submit(busy.url));
    const records = await Promise.all(ids.map((id) => bench.ended(id)));
    expect(new Set(records.map(({ state, attempts }) => `${state} ${attempts}`))).toEqual(new Set(['delivered 1']));
    expect(busy.mostInFlight).toBe(2);
    expect(busy.requests).toHaveLength(60);
    expect(await bench.deliveries.parked()).toBe(0);
  });

  it('hands a permit over as it is given back: nobody waits for the fallback', async () => {
    await bench.gateway();
    const busy = await receiver();
    busy.answer({ status: 200, afterMs: 10 });
    const begun = Date.now();
    const ids = await times(100, () => bench.submit(busy.url));
    await Promise.all(ids.map((id) => bench.ended(id)));
    // Two at a time for 10 ms each are half a second; a missed hand-over would cost 5 s and more.
    expect(Date.now() - begun).toBeLessThan(4_500);
  });

  it('does not let a dead receiver slow the others', async () => {
    await bench.gateway({ SLUICE_WEBHOOK_TIMEOUT_MS: '2000', SLUICE_WEBHOOK_SCHEDULE: '0,1h' });
    const dead = await receiver();
    dead.answer(() => undefined);
    await times(200, () => bench.submit(dead.url));
    await until('the dead one is being tried', () => dead.inFlight === 2);
    const healthy = await times(9, receiver);
    const begun = Date.now();
    const ids = (await Promise.all(healthy.map(({ url }) => times(10, () => bench.submit(url))))).flat();
    await Promise.all(ids.map((id) => bench.ended(id)));
    expect(Date.now() - begun).toBeLessThan(1_900);
    expect(dead.mostInFlight).toBe(2);
  });

  it('does not let a dead host slow the others either, whose endpoints are many', async () => {
    await bench.gateway({ SLUICE_WEBHOOK_TIMEOUT_MS: '2000', SLUICE_WEBHOOK_SCHEDULE: '0,1h' });
    const dead = await receiver();
    dead.answer(() => undefined);
    let made = 0;
    await times(200, () => bench.submit(new URL(`job-${made++}`, dead.url).href));
    await until('the dead one is being tried', () => dead.inFlight === 8);
    const healthy = await receiver();
    const begun = Date.now();
    const ids = await times(10, () => bench.submit(healthy.url));
    await Promise.all(ids.map((id) => bench.ended(id)));
    expect(Date.now() - begun).toBeLessThan(1_900);
    expect(dead.mostInFlight).toBe(8);
  });

  it('does not let the many dead hosts of one owner slow another owner', async () => {
    await bench.gateway({ SLUICE_WEBHOOK_TIMEOUT_MS: '10000', SLUICE_WEBHOOK_SCHEDULE: '0,1h' });
    const dead = await times(33, receiver);
    for (const each of dead) each.answer(() => undefined);
    const inFlight = (): number => dead.reduce((sum, each) => sum + each.inFlight, 0);
    const paths = dead.flatMap(({ url }) => Array.from({ length: 8 }, (_, i) => new URL(`job-${i}`, url).href));
    await Promise.all(paths.map((url) => bench.submit(url, { owner: 'many' })));
    await until('as many are being tried as may be of one owner', () => inFlight() === 192);
    const healthy = await receiver();
    const begun = Date.now();
    const ids = await times(10, () => bench.submit(healthy.url, { owner: 'other' }));
    await Promise.all(ids.map((id) => bench.ended(id)));
    expect(Date.now() - begun).toBeLessThan(5_000);
    expect(inFlight()).toBe(192);
    // Those in line go when others are back.
    for (const each of dead) each.answer({ status: 200 });
    await dead[0]!.close();
    await until('the rest is tried', () => dead.reduce((sum, each) => sum + each.requests.length, 0) >= 192 + 8);
  });

  it('has those in line of a host go as soon as others are back', async () => {
    await bench.gateway();
    await bench.gateway();
    const host = await receiver();
    host.answer({ status: 200, afterMs: 10 });
    let made = 0;
    const begun = Date.now();
    const ids = await times(300, () => bench.submit(new URL(`job-${made++}`, host.url).href));
    const records = await Promise.all(ids.map((id) => bench.ended(id)));
    expect(new Set(records.map(({ state, attempts }) => `${state} ${attempts}`))).toEqual(new Set(['delivered 1']));
    expect(host.mostInFlight).toBeLessThanOrEqual(16);
    // Eight at a time of each gateway for 10 ms; to look again by themselves would take them 5 s and more.
    expect(Date.now() - begun).toBeLessThan(4_500);
  });

  it('leaves an endpoint alone after ten failures in a row, tries it with one, and goes on when that succeeds', async () => {
    await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0,300ms,300ms,300ms,300ms,300ms,300ms' });
    const failing = await receiver();
    failing.answer({ status: 500 });
    const ids = await times(40, () => bench.submit(failing.url));
    const opened = async (): Promise<number> => (await bench.metric('sluice_webhook_breaker_openings_total'))[''] ?? 0;
    await until('the breaker is open', async () => (await opened()) === 1);
    await until('those in flight are back', () => failing.inFlight === 0);
    // One more may have been under way when the tenth failed.
    expect(failing.requests.length).toBeLessThanOrEqual(11);
    const before = failing.requests.length;
    failing.mostInFlight = 0;
    await until('it is tried again', () => failing.requests.length >= before + 2);
    expect(failing.mostInFlight).toBe(1);
    expect(await opened()).toBe(1);
    failing.answer({ status: 200 });
    const records = await Promise.all(ids.map((id) => bench.ended(id, 20_000)));
    expect(records.every(({ state }) => state === 'delivered')).toBe(true);
    const attempts = records.reduce((sum, record) => sum + record.attempts, 0);
    expect(attempts).toBe(failing.requests.length);
    // 40 successes, and the failures that opened the breaker and kept it open: nobody paid for having waited.
    expect(records.filter((record) => record.attempts === 1).length).toBeGreaterThan(20);
  });

  it('goes on with those in line when the holder of the permits has died', async () => {
    const idle = await bench.gateway({ idle: true });
    const target = await receiver();
    const { redis, keys, clock } = bench.context;
    const schedule = new RetrySchedule([0]);
    const dead = new Deliveries({ redis, keys, clock, schedule, keepMs: 60_000 });
    const held: DeliveryRun[] = [];
    for (let i = 0; i < 3; i++) {
      const ref: DeliveryRef = { prediction: newId('p'), event: 'completed', generation: 0 };
      bench.subjects.set(ref.prediction, { owner: 'public', url: target.url, at: Date.now() });
      const run = { ref, round: 0, token: newId('k') };
      const endpoint = endpointId('public', new URL(target.url));
      const turn = await dead.begin(run, { owner: 'public', url: target.url, at: Date.now(), endpoint });
      expect(turn.kind).toBe(i < 2 ? 'granted' : 'parked');
      held.push(run);
    }
    idle.start();
    // One that comes later waits as well, until the leases have run out.
    const id = await bench.submit(target.url);
    await until('it is parked', async () => (await dead.parked()) === 2);
    expect(target.requests).toEqual([]);
    await until(
      'the leases have run out',
      async () =>
        (await redis.zrangebyscore(`${bench.prefix}:permits:${(await bench.read(id))!.endpoint}`, clock.now(), '+inf'))
          .length === 0,
    );
    const after = await bench.submit(target.url);
    expect(await bench.ended(after)).toMatchObject({ state: 'delivered' });
    expect(await bench.ended(id)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('finishes what is in flight when it stops, and gives back what does not finish in time, uncounted', async () => {
    const stopping = await bench.gateway();
    const slow = await receiver();
    slow.answer({ status: 200, afterMs: 300 });
    const finishing = await bench.submit(slow.url);
    await until('it is in flight', () => slow.inFlight === 1);
    const hanging = await receiver();
    hanging.answer(() => undefined);
    const cut = await bench.submit(hanging.url);
    await until('it is in flight', () => hanging.inFlight === 1);
    await stopping.stop(1_000);
    expect(await bench.read(finishing)).toMatchObject({ state: 'delivered' });
    expect(await bench.read(cut)).toMatchObject({ state: 'pending', attempts: 0 });
    hanging.answer({ status: 200 });
    await bench.gateway();
    expect(await bench.ended(cut)).toMatchObject({ state: 'delivered', attempts: 1 });
  });
});
