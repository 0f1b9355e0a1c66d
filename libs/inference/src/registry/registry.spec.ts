/** What the registry's scripts promise, on a real Redis. */
import { available, descriptionOf, digestOf, newVersion, registryOn } from '../../../../test/fixtures/registry.js';

const on = registryOn(process.env['SLUICE_TEST_REDIS_URL']!);
const { registry, reader } = on;
const REPORT = { v: 1 as const, outcome: 'failed' as const, started: 0, ms: 1, checks: [] };

afterAll(() => on.redis.quit());
beforeEach(async () => {
  const keys = await on.redis.keys(`${on.keys.prefix}:*`);
  if (keys.length > 0) await on.redis.del(keys);
});

const stateOf = async (name: string, version: string) => (await reader.details({ name, version }))?.registration.state;

describe('registering', () => {
  it('is done once, however often it is asked for', async () => {
    expect(await registry.register(newVersion('m', '1'))).toEqual({ kind: 'new', check: 0 });
    const { revision } = await reader.read();
    expect(await registry.register(newVersion('m', '1'))).toEqual({ kind: 'same', check: 0, state: 'registered' });
    expect((await reader.read()).revision).toBe(revision);
  });

  it('refuses another package under a version that is taken', async () => {
    await registry.register(newVersion('m', '1'));
    const other = newVersion('m', '1');
    other.head = { ...other.head, digest: digestOf('other') };
    expect(await registry.register(other)).toEqual({ kind: 'conflict', digest: digestOf('m 1') });
  });

  it('tries a version that had failed again, and an outcome of before counts for nothing then', async () => {
    await registry.register(newVersion('m', '1'));
    const first = { name: 'm', version: '1', digest: digestOf('m 1'), check: 0 };
    await registry.beginCheck(first);
    expect(await registry.endCheck(first, { report: REPORT, reason: 'model.onnx is cut off' })).toBe(true);
    expect((await reader.details(first))?.registration).toMatchObject({
      state: 'failed',
      reason: 'model.onnx is cut off',
    });
    expect(await registry.register(newVersion('m', '1'))).toEqual({ kind: 'again', check: 1 });
    expect(await registry.beginCheck(first)).toBe(false);
    expect(await registry.beginCheck({ ...first, check: 1 })).toBe(true);
    expect(await registry.endCheck(first, { report: REPORT, reason: 'late' })).toBe(false);
    expect(await stateOf('m', '1')).toBe('verifying');
  });

  it('refuses a version with the name of an alias, which it would hide', async () => {
    await available(registry, 'm', '1');
    await registry.setAlias('m', 'stable', '1');
    expect(await registry.register(newVersion('m', 'stable'))).toEqual({ kind: 'alias' });
    expect(await registry.register(newVersion('other', 'stable'))).toMatchObject({ kind: 'new' });
  });

  it('waits until a version that was removed under the same name has been seen to', async () => {
    await available(registry, 'm', '1');
    await registry.remove({ name: 'm', version: '1' });
    const digest = digestOf('m 1');
    expect(await registry.removed()).toEqual([{ name: 'm', version: '1', since: on.clock.now(), digest }]);
    expect(await registry.register(newVersion('m', '1'))).toEqual({ kind: 'removing' });
    expect((await reader.read()).removed).toEqual(new Set(['m:1']));
    // A worker that has not heard yet describes it again.
    await on.redis.sadd(on.keys.models, 'm:1');
    await registry.removalOver({ name: 'm', version: '1' });
    expect((await reader.read()).removed).toEqual(new Set());
    expect(await on.redis.smembers(on.keys.models)).toEqual([]);
    expect(await registry.register(newVersion('m', '1'))).toEqual({ kind: 'new', check: 0 });
  });

  it('takes no outcome of a verification of another package that had the same name before', async () => {
    const before = { name: 'm', version: '1', digest: digestOf('m 1'), check: 0 };
    await registry.register(newVersion('m', '1'));
    await registry.beginCheck(before);
    await registry.remove(before);
    await registry.removalOver(before);
    const other = newVersion('m', '1');
    other.head = { ...other.head, digest: digestOf('other') };
    await registry.register(other);
    expect(await registry.beginCheck(before)).toBe(false);
    expect(await registry.beginCheck({ ...before, digest: digestOf('other') })).toBe(true);
    const passed = { facts: { rowsMix: false, memoryBytes: 10 }, description: descriptionOf('m', '1') };
    expect(await registry.endCheck(before, { report: REPORT, passed })).toBe(false);
    expect(await stateOf('m', '1')).toBe('verifying');
  });

  it('is seen by who last looked before Redis lost what it knew, whatever has come since', async () => {
    for (const version of ['1', '2']) await registry.register(newVersion('m', version));
    await reader.read();
    await on.redis.del(...(await on.redis.keys(`${on.keys.prefix}:*`)));
    on.clock.pass(10);
    for (const version of ['3', '4']) await registry.register(newVersion('m', version));
    const { registrations } = await reader.read();
    expect(registrations.map(({ head }) => head.version).sort()).toEqual(['3', '4']);
  });

  it('tells every worker of a change', async () => {
    await registry.register(newVersion('m', '1'));
    const { revision } = await reader.read();
    const [[, [, message]]] = (await on.redis.xrevrange(on.keys.control, '+', '-', 'COUNT', 1)) as [[string, string[]]];
    expect(JSON.parse(message!)).toEqual({ v: 1, registry: revision });
  });
});

describe('routes', () => {
  it('name only versions that can be served', async () => {
    await registry.register(newVersion('m', '1'));
    expect(await registry.setDefault('m', '1')).toEqual({ kind: 'unavailable', version: '1', state: 'registered' });
    expect(await registry.setAlias('m', 'stable', '9')).toEqual({
      kind: 'unavailable',
      version: '9',
      state: 'unknown',
    });
    await on.redis.sadd(on.keys.models, 'm:9');
    expect(await registry.setAlias('m', 'stable', '9')).toEqual({ kind: 'ok' });
  });

  it('hold a default, aliases, a split and a shadow, and lose them one by one', async () => {
    for (const version of ['1', '2']) await available(registry, 'm', version);
    const split = [
      { version: '1', weight: 90 },
      { version: '2', weight: 10 },
    ];
    await registry.setDefault('m', '1');
    await registry.setAlias('m', 'stable', '1');
    await registry.setAlias('m', 'canary', '2');
    await registry.setSplit('m', split);
    await registry.setShadow('m', { version: '2', share: 0.5 });
    expect((await reader.read()).routes.get('m')).toEqual({
      default: '1',
      aliases: { stable: '1', canary: '2' },
      split,
      shadow: { version: '2', share: 0.5 },
    });
    await registry.setAlias('m', 'canary', undefined);
    await registry.setSplit('m', undefined);
    await registry.setShadow('m', undefined);
    await registry.setDefault('m', undefined);
    expect((await reader.read()).routes.get('m')).toEqual({ aliases: { stable: '1' } });
  });

  it('keep what they name from being unloaded or removed, unless forced', async () => {
    for (const version of ['1', '2']) await available(registry, 'm', version);
    await registry.setDefault('m', '1');
    await registry.setAlias('m', 'canary', '2');
    expect(await registry.desire({ name: 'm', version: '1' }, 'unloaded')).toEqual({ kind: 'named', by: 'default' });
    expect(await registry.remove({ name: 'm', version: '2' })).toEqual({ kind: 'named', by: 'alias canary' });
    expect(await registry.remove({ name: 'm', version: '2' }, true)).toEqual({ kind: 'ok' });
    expect((await reader.read()).routes.get('m')).toEqual({ default: '1', aliases: {} });
    expect(await stateOf('m', '2')).toBeUndefined();
  });

  it('are not given to a version that is to be unloaded, unless forced', async () => {
    await available(registry, 'm', '1');
    await registry.desire({ name: 'm', version: '1' }, 'unloaded');
    expect(await registry.setDefault('m', '1')).toEqual({ kind: 'unavailable', version: '1', state: 'unloaded' });
    expect(await registry.setDefault('m', '1', true)).toEqual({ kind: 'ok' });
  });

  it('have no alias with the name of a version', async () => {
    for (const version of ['1', 'canary']) await available(registry, 'm', version);
    expect(await registry.setAlias('m', 'canary', '1')).toEqual({ kind: 'taken' });
  });

  it('have at most 32 aliases', async () => {
    await available(registry, 'm', '1');
    for (let i = 0; i < 32; i++) expect(await registry.setAlias('m', `a${i}`, '1')).toEqual({ kind: 'ok' });
    expect(await registry.setAlias('m', 'one-more', '1')).toEqual({ kind: 'full' });
    expect(await registry.setAlias('m', 'a0', '1')).toEqual({ kind: 'ok' });
  });
});

describe('a version that is to become the default', () => {
  const promoted = (version: string) => newVersion('m', version, { promote: true });
  const verified = async (version: string) => {
    const ref = { name: 'm', version, digest: digestOf(`m ${version}`), check: 0 };
    await registry.beginCheck(ref);
    const facts = { rowsMix: false, memoryBytes: 1 };
    await registry.endCheck(ref, { report: REPORT, passed: { facts, description: descriptionOf('m', version) } });
  };
  const route = async () => (await reader.read()).routes.get('m');

  it('becomes it once, when it is verified', async () => {
    await registry.register(promoted('1'));
    expect(await registry.promote({ name: 'm', version: '1' })).toBe(false);
    await verified('1');
    expect(await registry.promote({ name: 'm', version: '1' })).toBe(true);
    expect(await route()).toMatchObject({ default: '1' });
    expect(await registry.promote({ name: 'm', version: '1' })).toBe(false);
  });

  it('is told of when it was registered before, without it', async () => {
    await available(registry, 'm', '1');
    await reader.read();
    await registry.register(promoted('1'));
    expect((await reader.read()).registrations).toMatchObject([{ promote: '1' }]);
    await registry.promote({ name: 'm', version: '1' });
    const { revision } = await reader.read();
    await registry.register(promoted('1'));
    expect(await reader.read()).toMatchObject({ revision, registrations: [{}] });
  });

  it('does not come after a later one, nor after a default that was chosen by hand', async () => {
    for (const version of ['1', '2', '3']) {
      await registry.register(promoted(version));
      await verified(version);
      on.clock.pass(1);
    }
    await registry.promote({ name: 'm', version: '2' });
    expect(await registry.promote({ name: 'm', version: '1' })).toBe(false);
    await registry.setDefault('m', '1');
    expect(await registry.promote({ name: 'm', version: '3' })).toBe(false);
    expect(await route()).toMatchObject({ default: '1' });
  });
});

describe('wanted versions', () => {
  it('are claimed by one worker at a time and forgotten after a minute', async () => {
    const m = { name: 'm', version: '1' };
    await registry.want(['m:1']);
    expect(await registry.wanted()).toEqual(['m:1']);
    expect(await registry.claim(m, 'w1', 5_000)).toBe(true);
    expect(await registry.claim(m, 'w2', 5_000)).toBe(false);
    expect(await registry.claim(m, 'w1', 60_000)).toBe(true);
    expect(await on.redis.pttl(on.keys.claimed('m', '1'))).toBeGreaterThan(50_000);
    on.clock.pass(60_001);
    expect(await registry.wanted()).toEqual([]);
    await registry.settled(m);
    expect(await registry.claim(m, 'w2', 5_000)).toBe(true);
  });
});
