/** Proves: a run leaves its delivery to nobody's luck, whatever breaks around it. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Deliveries } from '#inference';
import { WebhookBench } from '../../../../test/fixtures/webhooks.js';
import { Receiver } from '../../../../test/support/receiver.js';
import { until } from '../../../../test/support/until.js';

describe('a run of a delivery', () => {
  let receiver: Receiver;
  let bench: WebhookBench;

  beforeEach(async () => {
    receiver = await Receiver.start();
    bench = new WebhookBench();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await bench.close();
    await receiver.close();
  });

  it('is followed by another when its outcome was sent twice, as on a connection that broke', async () => {
    const settle = Reflect.get<Deliveries, 'settle'>(Deliveries.prototype, 'settle');
    jest.spyOn(Deliveries.prototype, 'settle').mockImplementation(async function (this: Deliveries, ...outcome) {
      await settle.apply(this, outcome);
      return settle.apply(this, outcome);
    });
    await bench.gateway();
    receiver.answer((_received, response) => response.writeHead(receiver.requests.length === 1 ? 500 : 204).end());
    const record = await bench.ended(await bench.submit(receiver.url));
    expect(record).toMatchObject({ state: 'delivered', attempts: 2, log: [{ status: 500 }, { status: 204 }] });
  });

  describe('to a receiver that takes connections and never says a word of TLS', () => {
    let silent: Server;
    const open = new Set<Socket>();
    const url = (): string => `https://127.0.0.1:${(silent.address() as AddressInfo).port}/`;

    beforeEach(async () => {
      silent = createServer((socket) => {
        open.add(socket);
        socket.on('error', () => undefined).on('close', () => open.delete(socket));
      });
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    });
    afterEach(() => {
      for (const socket of open) socket.destroy();
      silent.close();
    });

    it('ends in its time', async () => {
      await bench.gateway({ SLUICE_WEBHOOK_SCHEDULE: '0', SLUICE_WEBHOOK_TIMEOUT_MS: '400' });
      const record = await bench.ended(await bench.submit(url()));
      expect(record).toMatchObject({ state: 'failed', log: [{ failure: 'timeout' }] });
      expect(record.log[0]!.ms).toBeLessThan(2_000);
    });

    it('is given back at once when its gateway stops', async () => {
      const stopping = await bench.gateway({ SLUICE_WEBHOOK_TIMEOUT_MS: '30000' });
      const id = await bench.submit(url());
      await until('it is connecting', () => open.size === 1);
      const begun = Date.now();
      await stopping.stop(100);
      expect(Date.now() - begun).toBeLessThan(1_500);
      const { endpoint, ...record } = (await bench.read(id))!;
      expect(record).toMatchObject({ state: 'pending', attempts: 0 });
      expect(await bench.context.redis.zcard(`${bench.prefix}:permits:${endpoint}`)).toBe(0);
    });
  });
});
