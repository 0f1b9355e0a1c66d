/** Keeps the permits of attempts that still go on: a slow receiver is no dead gateway. */
import { LEASE_MS, type Deliveries } from '#inference';

const RENEW_MS = LEASE_MS / 2.5;

export class PermitKeeper {
  private readonly held = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly deliveries: Pick<Deliveries, 'renew'>) {}

  /** @param permit `<job id> <token>`, of an endpoint. Call what it answers when the attempt is over. */
  keep(permit: string, endpoint: string): () => void {
    this.held.set(permit, endpoint);
    this.timer ??= setTimeout(() => this.renew(), RENEW_MS).unref();
    return () => this.held.delete(permit);
  }

  private renew(): void {
    this.timer = this.held.size === 0 ? undefined : setTimeout(() => this.renew(), RENEW_MS).unref();
    const members = new Map<string, string[]>();
    for (const [permit, endpoint] of this.held) members.set(endpoint, [...(members.get(endpoint) ?? []), permit]);
    // One that could not be renewed may be given to another: then an endpoint has one request more for a while.
    for (const [endpoint, permits] of members) this.deliveries.renew(endpoint, permits).catch(() => undefined);
  }
}
