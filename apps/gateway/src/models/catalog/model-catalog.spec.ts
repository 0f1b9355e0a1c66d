/** A look sees what was changed before it was asked for; what is wanted is told, and what goes wrong ends no looking. */
import { randomBytes } from 'node:crypto';
import { FleetWriter, loadGatewayConfig } from '#inference';
import { worker } from '../../../../../test/fixtures/fleet.js';
import { available } from '../../../../../test/fixtures/registry.js';
import { until } from '../../../../../test/support/until.js';
import { GatewayContext } from '../../context.js';
import { ModelCatalog } from './model-catalog.js';

let context: GatewayContext;
let catalog: ModelCatalog;
let fleet: FleetWriter;

beforeEach(async () => {
  context = new GatewayContext(
    loadGatewayConfig({
      REDIS_URL: process.env['SLUICE_TEST_REDIS_URL'],
      SLUICE_PREFIX: `{test-${randomBytes(6).toString('hex')}}`,
      SLUICE_LOG_LEVEL: 'silent',
    }),
  );
  await until('Redis is there', () => context.redis.status === 'ready');
  await context.clock.start();
  fleet = new FleetWriter(context.redis, context.keys, context.clock);
  catalog = new ModelCatalog(context);
});
afterEach(() => {
  catalog.stop();
  context.clock.stop();
  context.disconnect();
});

it('sees every change that was made before the look, however many looks are asked for', async () => {
  for (const version of ['1', '2', '3']) {
    await available(context.registry, 'm', version);
    await fleet.beat(worker('w', 'm:1 ready', 'm:2 ready', 'm:3 ready'));
    void catalog.look();
    await context.registry.setDefault('m', version);
    await Promise.all([catalog.look(), catalog.look()]);
    expect(catalog.resolve('m', undefined).version).toBe(version);
  }
});

it('looks again after a listener has failed', async () => {
  let calls = 0;
  catalog.onChange(() => {
    calls++;
    throw new Error('of a test');
  });
  await catalog.look();
  await catalog.look();
  expect(calls).toBe(2);
  await until('it looks by itself', () => calls > 2);
});

it('asks for a version that workers could load, whose packs wait in Redis as for one slot', async () => {
  await available(context.registry, 'm', '1');
  await fleet.beat(worker('w', 'm:1 loadable'));
  await catalog.look();
  expect(catalog.resolve('m', undefined).slots).toBe(0);
  expect(catalog.allCredits('m:1')).toBe(2);
  expect(catalog.ready('m')).toBe(true);
  await until('it is wanted', async () => (await context.registry.wanted()).includes('m:1'));
  await context.registry.desire({ name: 'm', version: '1' }, 'unloaded');
  await catalog.look();
  expect(catalog.allCredits('m:1')).toBe(0);
  expect(() => catalog.resolve('m', undefined)).toThrow(/is unloaded/);
});
