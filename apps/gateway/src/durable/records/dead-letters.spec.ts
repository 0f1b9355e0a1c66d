/** What becomes of dead letters that cannot be run again now, on a real Redis. */
import { DeliveryQueue, Outbox, SluiceError } from '#inference';
import { ledgerInEach, submission, type LedgerOnRedis } from '../../../../../test/fixtures/ledger.js';
import type { GatewayContext } from '../../context.js';
import { DurableService } from '../durable.service.js';
import { DeadLetters } from './dead-letters.js';

describe('dead letters', () => {
  let at: LedgerOnRedis;
  let outbox: Outbox;
  let letters: DeadLetters;
  /** Of versions: what the catalog says of them. */
  let missing: Map<string, SluiceError>;

  ledgerInEach((it) => {
    at = it;
    const { redis, keys, clock, ledger } = at;
    outbox = new Outbox({ redis, keys, deliveries: new DeliveryQueue(redis, keys) });
    missing = new Map();
    const confirm = ({ version }: { version: string }): void => {
      const error = missing.get(version);
      if (error) throw error;
    };
    const config = { durableTimeoutMs: 60_000 };
    const context = { redis, keys, clock, ledger, outbox, config } as unknown as GatewayContext;
    const receivers = { accept: () => Promise.resolve() };
    letters = new DeadLetters(context, new DurableService(context, { bytes: 1e9 } as never, receivers, { confirm }));
  });
  afterEach(() => outbox.close());

  async function letter(version: string): Promise<string> {
    at.clock.pass(1);
    const made = submission(at.clock, { head: { version } });
    await at.ledger.submit(made);
    const dead = { reason: 'exhausted', digest: 'd' } as const;
    await at.ledger.fail({ id: made.id, generation: 0 }, { code: 'WORKER_LOST', message: 'no', dead });
    return made.id;
  }

  it('of a version that is not there stay, and those behind them are reached', async () => {
    const refused = await letter('removed');
    const gone = await letter('1');
    const good = await letter('1');
    await at.redis.del(at.keys.payload(gone));
    missing.set('removed', new SluiceError('MODEL_NOT_FOUND', 'no'));
    expect(await letters.redriveAll('public', 0)).toEqual({ redriven: 1, gone: 1, refused: 1, remaining: 0 });
    expect(await at.ledger.read(good)).toMatchObject({ status: 'starting', generation: 1 });
    expect((await letters.list('public', 0)).records.map(({ id }) => id)).toEqual([refused]);
    const behind = await letter('1');
    expect(await letters.redriveAll('public', 1)).toEqual({ redriven: 1, gone: 0, refused: 0, remaining: 0 });
    expect(await at.ledger.read(behind)).toMatchObject({ status: 'starting' });
    await expect(letters.redrive('public', refused)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('are all kept by a gateway that does not know the fleet yet', async () => {
    await letter('1');
    missing.set('1', new SluiceError('MODEL_NOT_READY', 'no'));
    await expect(letters.redriveAll('public', 0)).rejects.toMatchObject({ code: 'MODEL_NOT_READY' });
    expect((await letters.list('public', 0)).total).toBe(1);
  });
});
