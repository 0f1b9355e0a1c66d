/**
 * The gateway's side of the package store: opened when it is first needed, so that a gateway whose models lie in workers'
 * folders makes none.
 *
 * Invariant: at most AT_ONCE packages are taken in at the same time, for each may be large and is on disk while it is.
 */
import { ingest, PackageStore, SluiceError, type Ingested, type IngestOptions, type PackageSource } from '#inference';
import type { GatewayContext } from '../../context.js';

const AT_ONCE = 4;
const RETRY_SECONDS = 10;

export class Packages {
  private opening: Promise<PackageStore> | undefined;
  private taking = 0;

  constructor(
    private readonly config: Pick<GatewayContext['config'], 'storeDir' | 'storeMaxBytes' | 'maxPackageBytes'>,
  ) {}

  /** @throws when the folder cannot be made; the next call tries again. */
  store(): Promise<PackageStore> {
    const { storeDir, storeMaxBytes } = this.config;
    this.opening ??= PackageStore.open(storeDir, { maxBytes: storeMaxBytes }).catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  /** @throws CAPACITY_EXHAUSTED, PACKAGE_INVALID, STORAGE_FULL; whatever the source of the bytes throws. */
  async take(source: PackageSource, named: Pick<IngestOptions, 'name' | 'version'>): Promise<Ingested> {
    if (this.taking >= AT_ONCE) {
      throw new SluiceError(
        'CAPACITY_EXHAUSTED',
        `This gateway takes ${AT_ONCE} packages at once. Try again after the time in Retry-After.`,
        { retryAfterSeconds: RETRY_SECONDS },
      );
    }
    this.taking++;
    try {
      return await ingest(await this.store(), source, { ...named, maxBytes: this.config.maxPackageBytes });
    } finally {
      this.taking--;
    }
  }
}
