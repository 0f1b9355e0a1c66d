/** What executors are to hold, in which order, and how a version is told to have come or gone. */
import { descriptionOf } from '../../../../test/fixtures/registry.js';
import { ServedModels, type ServedModelsOptions } from './served-models.js';
import { Version } from './version.js';

function setUp() {
  const inMemory = new Set<string>();
  const behind = new Set<string>();
  const lost: string[] = [];
  const log = { info: () => undefined, error: () => undefined };
  const options: Partial<ServedModelsOptions> = {
    context: { log, clock: { now: () => 0 }, metrics: {}, config: { bulkExecutors: 0 } } as never,
    executors: 2,
    copies: () => 2,
    holds: (key) => inMemory.has(key),
    isInMemory: (key) => inMemory.has(key) || behind.has(key),
    fill: () => undefined,
    serves: () => undefined,
    lost: ({ key }, reason) => lost.push(`${key} ${reason}`),
    changed: () => undefined,
  };
  const models = new ServedModels(options as ServedModelsOptions);
  const add = (name: string, usedAt: number): Version => {
    const version = Version.inFolder({ key: `${name}:1`, name, version: '1', directory: `/${name}` });
    Object.assign(version, { usedAt, isHeld: true });
    version.memory.files = 1e6;
    models.add(version);
    return version;
  };
  const loaded = (name: string): void =>
    models.loaded(`${name}:1`, { description: descriptionOf(name, '1'), placement: { kind: 'cpu' } });
  return { models, inMemory, behind, lost, add, loaded };
}

describe('what executors are to hold', () => {
  it('is first what somebody waits for, then what was used last', async () => {
    const { models, add, loaded } = setUp();
    add('old', 1);
    add('new', 3);
    add('mid', 2);
    const coming = add('coming', 0);
    const held = models.hold(coming);
    expect(models.packages().map(([key]) => key)).toEqual(['coming:1', 'new:1', 'mid:1', 'old:1']);
    loaded('coming');
    await held;
    expect(models.packages().map(([key]) => key)).toEqual(['new:1', 'mid:1', 'old:1', 'coming:1']);
    expect(models.target('coming:1')?.batcher.maxBatchSize).toBe(32);
  });

  it('no longer has a version that was refused, and says why', async () => {
    const { models, add } = setUp();
    const bad = add('bad', 0);
    const held = models.hold(bad);
    models.refused('bad:1', 'no model file');
    await expect(held).rejects.toThrow('no model file');
    expect(models.packages()).toEqual([]);
  });

  it('is told of as lost when the last executor that held it cannot any more', () => {
    const { models, inMemory, behind, lost, add } = setUp();
    add('m', 0).move('ready');
    inMemory.add('m:1');
    // Executors in the background do not count.
    behind.add('m:1');
    models.refused('m:1', 'no memory');
    expect(lost).toEqual([]);
    inMemory.clear();
    models.refused('m:1', 'no memory');
    expect(lost).toEqual(['m:1 no memory']);
  });

  it('has let go of a version when the last executor has, and counts its memory until then', async () => {
    const { models, inMemory, behind, add } = setUp();
    const version = add('m', 0);
    inMemory.add('m:1');
    behind.add('m:1');
    let gone = false;
    const released = models.release(version).then(() => (gone = true));
    models.released();
    await Promise.resolve();
    expect([gone, models.bytes]).toEqual([false, 2 * 1_450_000]);
    inMemory.clear();
    models.released();
    await Promise.resolve();
    expect([gone, models.bytes]).toEqual([false, 2 * 1_450_000]);
    behind.clear();
    models.released();
    await released;
    expect(models.bytes).toBe(0);
  });
});
