/** Proves: a run leaves its delivery to nobody's luck, whatever breaks around it. */
import { Deliveries } from '#inference';
import { WebhookBench } from '../../../../test/fixtures/webhooks.js';
import { Receiver } from '../../../../test/support/receiver.js';

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
});
