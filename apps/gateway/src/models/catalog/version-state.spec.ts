/** Every state of a version, from what the registry and what workers say. */
import type { DESIRES, REGISTRATION_STATES } from '#inference';
import { versionState, type HeldState, type VersionState } from './version-state.js';

type Row = [
  (typeof REGISTRATION_STATES)[number] | 'none',
  (typeof DESIRES)[number],
  HeldState['state'][],
  VersionState,
];

it.each<Row>([
  ['registered', 'loaded', [], 'registered'],
  ['verifying', 'loaded', [], 'verifying'],
  ['verifying', 'unloaded', ['ready'], 'verifying'],
  ['failed', 'loaded', [], 'failed'],
  ['failed', 'loaded', ['ready'], 'failed'],
  ['available', 'loaded', [], 'available'],
  ['available', 'loaded', ['loadable', 'loadable'], 'available'],
  ['available', 'loaded', ['loadable', 'starting'], 'loading'],
  ['available', 'loaded', ['starting', 'ready', 'failed'], 'ready'],
  ['available', 'loaded', ['draining', 'ready'], 'ready'],
  ['available', 'loaded', ['draining'], 'draining'],
  ['available', 'loaded', ['draining', 'loadable'], 'available'],
  ['available', 'loaded', ['failed'], 'failed'],
  ['available', 'loaded', ['failed', 'loadable'], 'available'],
  ['available', 'loaded', ['failed', 'starting'], 'loading'],
  ['available', 'unloaded', [], 'unloaded'],
  ['available', 'unloaded', ['loadable'], 'unloaded'],
  ['available', 'unloaded', ['failed'], 'unloaded'],
  ['available', 'unloaded', ['ready'], 'draining'],
  ['available', 'unloaded', ['starting', 'loadable'], 'draining'],
  ['available', 'unloaded', ['draining'], 'draining'],
  ['none', 'loaded', ['starting'], 'loading'],
  ['none', 'loaded', ['ready'], 'ready'],
  ['none', 'loaded', ['failed'], 'failed'],
  ['none', 'loaded', ['loadable'], 'available'],
  ['none', 'loaded', ['draining'], 'draining'],
  ['none', 'loaded', [], 'unloaded'],
])('%s, to be %s, on workers %j: %s', (...[registered, desired, states, expected]) => {
  const registration = registered === 'none' ? undefined : { state: registered, desired };
  const held = states.map((state) => ({ state }));
  expect(versionState(registration, held).state).toBe(expected);
});

it.each([
  ['its verification', { state: 'failed' as const, desired: 'loaded' as const, reason: 'cut off' }, [], 'cut off'],
  ['its worker', undefined, [{ state: 'failed' as const, reason: 'no memory' }], 'no memory'],
  ['nobody', undefined, [], 'No worker that has it is alive.'],
])('says why, by %s', (...[, registration, held, reason]) => {
  expect(versionState(registration, held).reason).toBe(reason);
});
