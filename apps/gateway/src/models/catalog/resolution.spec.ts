/** What a request gets, or is told, by what registry and workers say of the version that it means. */
import type { ListedRegistration } from '#inference';
import { registered, registryView, worker } from '../../../../../test/fixtures/fleet.js';
import { descriptionOf } from '../../../../../test/fixtures/registry.js';
import { NOTHING_SEEN, snapshotOf } from './fleet-snapshot.js';
import { byVersion, keepable, resolve, servable } from './resolution.js';

const asked = { name: 'm', version: undefined, chance: 0, defaultModel: undefined };

/** m:1 as the registry has it, if at all, and what workers say of it. */
function seen({
  registration,
  workers,
  described,
}: {
  registration?: ListedRegistration;
  workers: string[];
  described?: boolean;
}) {
  return snapshotOf(
    {
      workers: workers.map((state, i) => worker(`w${i}`, `m:1 ${state}`)),
      models: described ? [descriptionOf('m', '1')] : [],
    },
    registryView(registration ? [registration] : []),
  );
}

const unverified = (state: ListedRegistration['state'], reason?: string): ListedRegistration =>
  registered('m', '1', { state, reason, description: undefined });

describe('a version', () => {
  it.each([
    ['registered and ready', { registration: registered('m', '1'), workers: ['ready'] }],
    ['registered and loadable', { registration: registered('m', '1'), workers: ['loadable', 'failed'] }],
    ['registered and loading', { registration: registered('m', '1'), workers: ['starting'] }],
    ['of a worker and ready', { described: true, workers: ['starting', 'ready'] }],
    ['of a worker and loadable', { described: true, workers: ['loadable'] }],
  ])('%s takes predictions', (_, what) => {
    expect(servable(resolve(seen(what), asked)).key).toBe('m:1');
  });

  it.each([
    ['on no worker', { registration: registered('m', '1'), workers: [] }, /no worker that serves it is alive/],
    ['that all workers refuse', { registration: registered('m', '1'), workers: ['failed'] }, /not ready.*\(failed\)/],
    ['that a worker starts with', { described: true, workers: ['starting'] }, /not ready.*\(starting\)/],
  ])('%s takes only what is kept', (_, what, why) => {
    expect(() => servable(resolve(seen(what), asked))).toThrow(why);
    expect(keepable(resolve(seen(what), asked)).key).toBe('m:1');
  });

  it.each([
    ['not verified', { registration: unverified('verifying'), workers: [] }, /not verified yet \(verifying\)/],
    [
      'that failed',
      { registration: unverified('failed', 'It is cut off.'), workers: [] },
      /failed its verification: It is/,
    ],
    [
      'that was unloaded',
      { registration: registered('m', '1', { desired: 'unloaded' }), workers: ['ready'] },
      /is unloaded/,
    ],
    ['never served and refused', { workers: ['failed'] }, /refused by its worker: no memory/],
    ['never served and loading', { workers: ['starting'] }, /is being loaded/],
  ])('%s takes nothing', (_, what, why) => {
    const known = resolve(seen(what), asked);
    expect(() => servable(known)).toThrow(why);
    expect(() => keepable(known)).toThrow(why);
    expect(() => keepable(known)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_READY' }));
  });

  it('that is being removed is not there, whatever workers still say', () => {
    const view = registryView([], { removed: new Set(['m:1']) });
    const snapshot = snapshotOf({ workers: [worker('w', 'm:1 ready')], models: [descriptionOf('m', '1')] }, view);
    expect(() => resolve(snapshot, asked)).toThrow(/There is no model "m"/);
  });

  it('is served within the limits that were set', () => {
    const limited = registered('m', '1', { limits: { maxBatchSize: 4 } });
    expect(resolve(seen({ registration: limited, workers: [] }), asked).description?.maxBatchSize).toBe(4);
  });
});

describe('a request', () => {
  const routes = new Map([['m', { aliases: { stable: '1' } }]]);
  const all = [registered('m', '1'), registered('m', '2'), registered('other', '3')];
  const snapshot = snapshotOf({ workers: [], models: [] }, registryView(all, { routes }));

  it.each([
    [{ ...asked, name: 'x' }, /There is no model "x". Models: m, other\./],
    [{ ...asked, version: '9' }, /no version "9". Its versions: 2, 1. Its aliases: stable\./],
    [{ ...asked, name: undefined }, /names no model.*m, other/],
  ])('%j is told what there is', (question, why) => {
    expect(() => resolve(snapshot, question)).toThrow(why);
  });

  it('without a model means the default one, or the only one that is there', () => {
    expect(resolve(snapshot, { ...asked, name: undefined, defaultModel: 'other' }).key).toBe('other:3');
    const broken = registered('broken', '1', { state: 'failed', description: undefined });
    const two = registryView([registered('m', '1'), broken]);
    expect(resolve(snapshotOf({ workers: [], models: [] }, two), { ...asked, name: undefined }).key).toBe('m:1');
  });

  it('may say all with a version alone', () => {
    expect(byVersion(snapshot, '3').key).toBe('other:3');
    expect(byVersion(snapshot, 'm:2').key).toBe('m:2');
    expect(byVersion(snapshot, descriptionOf('m', '1').checksum).key).toBe('m:1');
    expect(() => byVersion(snapshot, '7')).toThrow(/There is no one version "7"/);
  });

  it('is not told that nothing is there by a gateway that has not looked', () => {
    expect(() => resolve(NOTHING_SEEN, asked)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_READY' }));
  });
});
