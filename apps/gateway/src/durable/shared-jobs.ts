/** Jobs that several predictions share. */
import type { VersionLane } from '#inference';
import type { GatewayContext } from '../context.js';

/** Takes one out of which nothing is left to run: without a worker it would lie there for ever. */
export async function clearShared(
  { outbox, ledger }: Pick<GatewayContext, 'outbox' | 'ledger'>,
  of: VersionLane,
  job: string,
): Promise<void> {
  const queue = outbox.queue(of);
  for (const ref of (await queue.refs(job)) ?? []) if (await ledger.live(ref)) return;
  await queue.remove(job);
}
