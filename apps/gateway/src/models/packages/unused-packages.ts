/**
 * Takes packages out of the store that no version is of any more: of a registration that was refused, or a version that
 * was removed.
 *
 * Invariant: never one that is registered, however close its registration comes: whether it is asked once more when the
 * package is out of sight, and a registration looks for its package when it is written.
 */
import type { Logger, RegistryReader } from '#inference';
import type { Packages } from './packages.js';

export class UnusedPackages {
  constructor(
    private readonly packages: Pick<Packages, 'store'>,
    private readonly registry: Pick<RegistryReader, 'read'>,
    private readonly log: Pick<Logger, 'warn'>,
  ) {}

  /** What cannot be taken out stays, and is told of. */
  async drop(digest: string): Promise<void> {
    const isUsed = async (): Promise<boolean> =>
      (await this.registry.read()).registrations.some(({ head }) => head.digest === digest);
    try {
      if (!(await isUsed())) await (await this.packages.store()).remove(digest, isUsed);
    } catch (error) {
      this.log.warn({ digest, reason: String(error) }, 'a package that no version is of is left in the store');
    }
  }
}
