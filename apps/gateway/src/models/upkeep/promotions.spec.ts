/** What was registered as the default becomes it when it is ready, and is told in the log. */
import { registryView, worker } from '../../../../../test/fixtures/fleet.js';
import { available, newVersion, registryOn } from '../../../../../test/fixtures/registry.js';
import { Audit } from '../audit.js';
import { snapshotOf } from '../catalog/fleet-snapshot.js';
import { Promotions } from './promotions.js';

const { redis, registry, reader } = registryOn(process.env['SLUICE_TEST_REDIS_URL']!);
afterAll(() => redis.quit());

it('happens once, and only when a worker has it ready', async () => {
  await available(registry, 'm', '1');
  await registry.register(newVersion('m', '1', { promote: true }));
  const lines: object[] = [];
  const audit = new Audit({ info: (line: object) => void lines.push(line) } as never);
  const round = async (...workers: ReturnType<typeof worker>[]): Promise<string | undefined> => {
    const { registrations } = await reader.read();
    const view = snapshotOf({ workers, models: [] }, registryView(registrations));
    const catalog = { view, look: () => Promise.resolve() };
    await new Promotions({ registry }, catalog, audit).round();
    return (await reader.read()).routes.get('m')?.default;
  };
  expect(await round()).toBeUndefined();
  expect(await round(worker('w', 'm:1 starting'))).toBeUndefined();
  expect(await round(worker('w', 'm:1 ready'))).toBe('1');
  expect(await round(worker('w', 'm:1 ready'))).toBe('1');
  expect(lines).toEqual([expect.objectContaining({ audit: 'promote', owner: 'public', model: 'm', outcome: 'ok' })]);
});
