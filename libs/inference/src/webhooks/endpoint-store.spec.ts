/** Proves: an old secret signs as long as the last change lets it, and no longer. */
import { ledgerInEach, type FixedClock } from '../../../../test/fixtures/ledger.js';
import { endpointId } from '../contract/delivery.js';
import { EndpointStore } from './endpoint-store.js';

const url = new URL('https://example.com/hook');

describe('secrets of an endpoint', () => {
  const of = { id: endpointId('public', url), owner: 'public' };
  let clock: FixedClock;
  let store: EndpointStore;

  ledgerInEach((at) => {
    ({ clock } = at);
    store = new EndpointStore(at.redis, at.keys, clock);
  });
  beforeEach(async () => {
    await store.put({ owner: 'public', url, fresh: 'first' });
    await store.rotate(of, 'second', 60_000);
  });

  const secrets = async () => (await store.read(of.id))!.secrets;

  it('are all replaced by one that is given, those of a rotation too', async () => {
    await store.put({ owner: 'public', url, secret: 'third', fresh: 'unused' });
    expect(await secrets()).toEqual([{ secret: 'third' }]);
  });

  it('are all replaced by a rotation without an overlap', async () => {
    await store.rotate(of, 'third', 0);
    expect(await secrets()).toEqual([{ secret: 'third' }]);
  });

  it('are not kept longer by a later rotation, and may be cut short by it', async () => {
    const begun = clock.now();
    clock.pass(1_000);
    await store.rotate(of, 'third', 600_000);
    expect(await secrets()).toEqual([
      { secret: 'third' },
      { secret: 'second', until: begun + 601_000 },
      { secret: 'first', until: begun + 60_000 },
    ]);
    await store.rotate(of, 'fourth', 5_000);
    expect(await secrets()).toEqual([
      { secret: 'fourth' },
      { secret: 'third', until: begun + 6_000 },
      { secret: 'second', until: begun + 6_000 },
      { secret: 'first', until: begun + 6_000 },
    ]);
  });
});
