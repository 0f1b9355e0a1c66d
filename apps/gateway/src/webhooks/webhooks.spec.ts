/** Proves: a delivery is signed, tried on its schedule, ends in one state, and its log says how. */
import { Webhook } from 'standardwebhooks';
import { WebhookBench } from '../../../../test/fixtures/webhooks.js';
import { Receiver, type Received } from '../../../../test/support/receiver.js';
import { until } from '../../../../test/support/until.js';

describe('a delivery', () => {
  let receiver: Receiver;
  let bench: WebhookBench;

  beforeEach(async () => {
    receiver = await Receiver.start();
    bench = new WebhookBench();
  });
  afterEach(async () => {
    await bench.close();
    await receiver.close();
  });

  const verified = ({ body, headers }: Received, secret = bench.secret): unknown =>
    new Webhook(secret).verify(body, headers as Record<string, string>);

  it('arrives once, signed, in the envelope of the standard', async () => {
    await bench.gateway();
    const id = await bench.submit(`${receiver.url}?token=1`);
    const record = await bench.ended(id);
    expect(record).toMatchObject({ state: 'delivered', attempts: 1, log: [{ status: 200, round: 0 }] });
    const [request, ...others] = receiver.requests;
    expect(others).toEqual([]);
    expect(request).toMatchObject({
      path: '/hook?token=1',
      headers: { 'webhook-id': id, 'content-type': 'application/json' },
    });
    expect(verified(request!)).toEqual({
      type: 'prediction.completed',
      timestamp: new Date(record.at).toISOString(),
      data: { id: record.subject, status: 'succeeded' },
    });
    expect(await bench.metric('sluice_webhooks_total')).toMatchObject({ delivered: 1 });
  });

  it('names the event that it tells of', async () => {
    await bench.gateway();
    await bench.ended(await bench.submit(receiver.url, { event: 'start' }));
    expect(JSON.parse(receiver.requests[0]!.body)).toMatchObject({ type: 'prediction.started' });
  });

  it('is made once, however often it is added', async () => {
    await bench.gateway();
    const id = await bench.submit(receiver.url);
    const { subject: prediction } = await bench.ended(id);
    const { DeliveryQueue } = await import('#inference');
    const queue = new DeliveryQueue(bench.context.redis, bench.context.keys);
    for (let i = 0; i < 3; i++) await queue.add({ prediction, event: 'completed', generation: 0 });
    // A later delivery to the same endpoint has passed those.
    await bench.ended(await bench.submit(receiver.url));
    expect(receiver.requests.filter(({ headers }) => headers['webhook-id'] === id)).toHaveLength(1);
    expect(await bench.read(id)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('is tried again under the same id with a timestamp and a signature of its own', async () => {
    await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0,1300ms' });
    receiver.answer((_received, response) => response.writeHead(receiver.requests.length === 1 ? 500 : 204).end());
    const id = await bench.submit(receiver.url);
    expect(await bench.ended(id)).toMatchObject({
      state: 'delivered',
      attempts: 2,
      log: [{ status: 500 }, { status: 204 }],
    });
    const [first, second] = receiver.requests;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(Number(second!.headers['webhook-timestamp'])).toBeGreaterThanOrEqual(
      Number(first!.headers['webhook-timestamp']) + 1,
    );
    for (const request of receiver.requests) verified(request);
    const waited = second!.at - first!.at;
    expect(waited).toBeGreaterThanOrEqual(1_040);
  });

  it('fails when its schedule is through, with every attempt in its log', async () => {
    await bench.gateway();
    receiver.answer({ status: 503, body: 'a secret of the receiver' });
    const record = await bench.ended(await bench.submit(receiver.url));
    expect(record).toMatchObject({ state: 'failed', reason: 'exhausted', attempts: 4 });
    expect(record.log.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    expect(JSON.stringify(await bench.context.redis.hgetall(bench.context.keys.delivery(record.id)))).not.toContain(
      'secret of',
    );
    expect(await bench.context.redis.pttl(bench.context.keys.delivery(record.id))).toBeGreaterThan(0);
    expect(await bench.context.redis.zcard(bench.context.keys.pendingDeliveries)).toBe(0);
  });

  it('counts a redirect as a failure and does not follow it', async () => {
    await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0' });
    const elsewhere = await Receiver.start();
    receiver.answer({ status: 301, headers: { location: elsewhere.url } });
    expect(await bench.ended(await bench.submit(receiver.url))).toMatchObject({
      state: 'failed',
      log: [{ status: 301 }],
    });
    expect(elsewhere.connections).toBe(0);
    await elsewhere.close();
  });

  it('says what kind of failure an attempt met, and no more', async () => {
    await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0', SLUICE_WEBHOOK_TIMEOUT_MS: '300' });
    const tls = await Receiver.startTls();
    const urls = {
      tls: tls.url,
      connect: 'http://127.0.0.1:1/',
      'address-refused': 'https://10.0.0.1/',
      dns: 'https://no.such.name.invalid/',
    };
    for (const [failure, url] of Object.entries(urls)) {
      expect(await bench.ended(await bench.submit(url))).toMatchObject({ state: 'failed', log: [{ failure }] });
    }
    await tls.close();
  });

  it('waits as long as Retry-After asks, though the schedule is shorter', async () => {
    await bench.gateway();
    receiver.answer((_received, response) => {
      const first = receiver.requests.length === 1;
      response.writeHead(first ? 429 : 200, first ? { 'retry-after': '1' } : {}).end();
    });
    const record = await bench.ended(await bench.submit(receiver.url));
    expect(record.log.map(({ status }) => status)).toEqual([429, 200]);
    expect(receiver.requests[1]!.at - receiver.requests[0]!.at).toBeGreaterThanOrEqual(990);
  });

  it('disables its endpoint on 410, and ends what is pending there; enabled again, it takes deliveries', async () => {
    const webhooks = await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0,1h' });
    receiver.answer({ status: 500 });
    const waiting = await bench.submit(receiver.url);
    await until('it was tried', async () => (await bench.read(waiting))?.attempts === 1);
    receiver.answer({ status: 410 });
    const gone = await bench.submit(`${receiver.url}?other=1`);
    expect(await bench.ended(gone)).toMatchObject({
      state: 'disabled',
      reason: 'endpoint-disabled',
      log: [{ status: 410 }],
    });
    expect(await bench.ended(waiting)).toMatchObject({ state: 'disabled', attempts: 1 });
    receiver.answer({ status: 200 });
    expect(await bench.ended(await bench.submit(receiver.url))).toMatchObject({ state: 'disabled', attempts: 0 });
    const refused = { code: 'WEBHOOK_DISABLED' };
    await until('a submission is refused', () =>
      webhooks.accept('public', receiver.url).then(
        () => false,
        () => true,
      ),
    );
    await expect(webhooks.accept('public', receiver.url)).rejects.toMatchObject(refused);
    expect(await webhooks.replay(gone, 'public')).toBe('disabled');
    const [endpoint] = await webhooks.endpoints.list('public');
    await webhooks.endpoints.enable({ id: endpoint!.id, owner: 'public' });
    await webhooks.accept('public', receiver.url);
    expect(await webhooks.replay(gone, 'public')).toBe('done');
    expect(await bench.ended(gone)).toMatchObject({ state: 'delivered', round: 1 });
  });

  it('remembers a thousand endpoints that nobody registered and that answered 410, and lets the oldest go', async () => {
    const webhooks = await bench.gateway();
    const { redis, keys } = bench.context;
    const old = Array.from({ length: 1_000 }, (_, i) => `e${i}`);
    await redis.zadd(keys.endpointsGone('public'), ...old.flatMap((id, i) => [i, id]));
    for (const id of old.slice(0, 2)) {
      await redis.hset(keys.endpoint(id), { owner: 'public', url: receiver.url, created: 1, updated: 1, disabled: 1 });
    }
    receiver.answer({ status: 410 });
    const paths = ['one', 'two'].map((name) => new URL(name, receiver.url).href);
    for (const path of paths) expect(await bench.ended(await bench.submit(path))).toMatchObject({ state: 'disabled' });
    expect(await redis.zcard(keys.endpointsGone('public'))).toBe(1_000);
    expect(await redis.exists(keys.endpoint('e0'), keys.endpoint('e1'))).toBe(0);
    const [newest] = await webhooks.endpoints.list('public');
    expect(newest).toMatchObject({ url: paths[1] });
    // Once it has a secret it is one of those that are kept.
    await webhooks.endpoints.rotate({ id: newest!.id, owner: 'public' }, bench.secret, 0);
    expect(await redis.zrange(keys.endpoints('public'), '0', '-1')).toEqual([newest!.id]);
    expect(await redis.zscore(keys.endpointsGone('public'), newest!.id)).toBeNull();
  });

  it.each([
    ['sleeps', () => undefined, 'timeout'],
    ['drips its headers', (socket: Drip) => drip(socket, 'HTTP/1.1 200 OK\r\nx-a: '), 'timeout'],
  ] as const)('is cut when its receiver %s', async (_what, act, failure) => {
    await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0', SLUICE_WEBHOOK_TIMEOUT_MS: '400' });
    receiver.answer((_received, response) => act(response.socket!));
    const record = await bench.ended(await bench.submit(receiver.url));
    expect(record).toMatchObject({ state: 'failed', log: [{ failure }] });
    expect(record.log[0]!.ms).toBeLessThan(1_500);
    await until('the connection is closed', () => receiver.inFlight === 0);
  });

  it.each([
    ['huge', (response: import('node:http').ServerResponse) => pour(response)],
    ['endless and slow', (response: import('node:http').ServerResponse) => drip(response, '')],
  ] as const)('counts a status and leaves a body that is %s unread', async (_what, act) => {
    await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0' });
    let written = 0;
    receiver.answer((_received, response) => {
      response.writeHead(200);
      act(response);
      const socket = response.socket!;
      socket.on('close', () => (written = socket.bytesWritten));
    });
    const before = Date.now();
    expect(await bench.ended(await bench.submit(receiver.url))).toMatchObject({ state: 'delivered' });
    expect(Date.now() - before).toBeLessThan(3_000);
    await until('the connection is closed', () => receiver.inFlight === 0);
    // What the kernel's buffers hold beside the 64 kB that were read.
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it('is canceled when what it would tell of is gone', async () => {
    await bench.gateway();
    bench.render = () => undefined;
    expect(await bench.ended(await bench.submit(receiver.url))).toMatchObject({
      state: 'canceled',
      reason: 'subject-gone',
      attempts: 0,
    });
    expect(receiver.requests).toEqual([]);
  });

  it('comes again, uncounted, when rendering fails', async () => {
    await bench.gateway();
    let calls = 0;
    bench.render = ({ prediction }) => {
      if (calls++ === 0) throw new Error('Redis is away');
      return { id: prediction };
    };
    expect(await bench.ended(await bench.submit(receiver.url), 20_000)).toMatchObject({
      state: 'delivered',
      attempts: 1,
    });
  });

  it('is replayed under the same id, on a schedule begun anew', async () => {
    const webhooks = await bench.gateway();
    receiver.answer({ status: 500 });
    const id = await bench.submit(receiver.url);
    expect(await bench.ended(id)).toMatchObject({ state: 'failed', attempts: 4 });
    expect(await webhooks.replay(id, 'somebody else')).toBe('gone');
    receiver.answer({ status: 200 });
    expect(await webhooks.replay(id, 'public')).toBe('done');
    await until('the replay has ended', async () => (await bench.read(id))?.state === 'delivered');
    const record = (await bench.read(id))!;
    expect(record).toMatchObject({ attempts: 1, round: 1 });
    expect(record.reason).toBeUndefined();
    expect(record.log.map(({ round, status }) => [round, status])).toEqual([
      ...Array<number[]>(4).fill([0, 500]),
      [1, 200],
    ]);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]));
  });

  it('is found by its due time and revived when its job is lost', async () => {
    const webhooks = await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0,1h' });
    receiver.answer({ status: 500 });
    const id = await bench.submit(receiver.url);
    await until('it was tried', async () => (await bench.read(id))?.attempts === 1);
    const { redis, keys } = bench.context;
    expect(await webhooks.overdue(10)).toEqual([]);
    await until('its job waits', async () => (await redis.zscore(`${bench.prefix}:webhooks:delayed`, id)) !== null);
    await redis.zrem(`${bench.prefix}:webhooks:delayed`, id);
    await redis.del(`${bench.prefix}:webhooks:${id}`);
    await redis.hset(keys.delivery(id), 'next', '1');
    await redis.zadd(keys.pendingDeliveries, '1', id, '1', 'msg_pnone_completed_0');
    receiver.answer({ status: 200 });
    const overdue = await webhooks.overdue(10);
    expect([...overdue].sort()).toEqual([id, 'msg_pnone_completed_0'].sort());
    expect(await webhooks.revive(overdue)).toBe(1);
    expect(await bench.ended(id)).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(await webhooks.overdue(10)).toEqual([]);
  });
});

type Drip = Pick<import('node:stream').Writable, 'write' | 'once'> & { destroyed: boolean };

/** A byte now and then, until the other end has had enough. */
function drip(to: Drip, first: string): void {
  to.write(first);
  const timer = setInterval(() => to.write('x'), 50);
  to.once('close', () => clearInterval(timer));
}

/** As fast as it is taken. */
function pour(to: import('node:http').ServerResponse): void {
  const chunk = Buffer.alloc(65_536);
  const more = (): void => {
    if (!to.destroyed) to.write(chunk, () => setImmediate(more));
  };
  more();
}
