/**
 * Where a model version stands: what the registry says of it and what workers say of it, put together. Here alone, so that
 * every answer, every route and every page says the same.
 */
import type { Registration, ServedVersion } from '#inference';

/**
 * `registered → verifying → available → loading → ready → draining → unloaded`, or `failed`. `available`: on no worker, and
 * loaded when it is wanted.
 */
export type VersionState =
  'registered' | 'verifying' | 'available' | 'loading' | 'ready' | 'draining' | 'unloaded' | 'failed';

/** What one worker says of it. */
export type HeldState = Pick<ServedVersion, 'state' | 'reason'>;

export interface StateWithReason {
  state: VersionState;
  reason?: string;
}

/** `registration` is undefined for a version that workers serve from a folder of their own. */
export function versionState(
  registration: Pick<Registration, 'state' | 'reason' | 'desired'> | undefined,
  held: readonly HeldState[],
): StateWithReason {
  if (registration && registration.state !== 'available') return reasoned(registration.state, registration.reason);
  const on = (state: ServedVersion['state']): HeldState | undefined => held.find((each) => each.state === state);
  if (registration?.desired === 'unloaded') {
    const letsGo = on('ready') ?? on('starting') ?? on('draining');
    return letsGo ? { state: 'draining' } : { state: 'unloaded' };
  }
  if (on('ready')) return { state: 'ready' };
  if (on('starting')) return { state: 'loading' };
  if (on('loadable')) return { state: 'available' };
  if (on('draining')) return { state: 'draining' };
  const failed = on('failed');
  if (failed) return reasoned('failed', failed.reason);
  return registration
    ? { state: 'available', reason: 'No worker that could load it is alive.' }
    : { state: 'unloaded', reason: 'No worker that has it is alive.' };
}

function reasoned(state: VersionState, reason: string | undefined): StateWithReason {
  return reason === undefined ? { state } : { state, reason };
}
