/**
 * Where the package of a registered version lies on this machine: in the store, into which it is fetched from a gateway
 * when it is not there.
 *
 * Invariants: what is handed out is complete and has the digest that was asked for; a package is fetched once, however
 * many ask for it at the same time; the tries are bounded.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openPackage, PackageStore, type Logger, type PackageName, type WorkerConfig } from '#inference';
import { GatewayAway, PackageFetch, RefusedForGood } from './package-fetch.js';

const TRIES = 4;
const FIRST_PAUSE_MS = 500;

export interface FetchSettings {
  config: Pick<WorkerConfig, 'storeDir' | 'gatewayUrl' | 'workerKey'>;
  log: Logger;
}

export class PackageSource {
  private readonly fetch: PackageFetch | undefined;
  private readonly fetching = new Map<string, Promise<string>>();
  private readonly stopping = new AbortController();
  private opened: Promise<PackageStore> | undefined;

  constructor(private readonly options: FetchSettings) {
    const { gatewayUrl, workerKey } = options.config;
    this.fetch = gatewayUrl === undefined ? undefined : new PackageFetch(gatewayUrl, workerKey);
  }

  /** The folder `…/<name>/<version>`, for openPackage. @throws Error with a sentence for the operator. */
  async packageFolder(of: PackageName): Promise<string> {
    const store = await this.store();
    const known = await store.path(of.digest);
    if (known !== undefined) return known;
    let under = this.fetching.get(of.digest);
    if (!under) {
      under = this.fetched(store, of).finally(() => this.fetching.delete(of.digest));
      this.fetching.set(of.digest, under);
    }
    return under;
  }

  /** A version is gone: what was fetched for it goes too; a store that is shared is its gateways' to tidy. */
  async forget(digest: string): Promise<void> {
    if (this.fetch) await (await this.store()).remove(digest);
  }

  /** What was fetched and is no longer what it was is fetched again the next time; a shared store is not ours to mend. */
  async discardDamaged({ digest }: Pick<PackageName, 'digest'>): Promise<void> {
    const store = this.fetch && (await this.store());
    const folder = await store?.path(digest);
    if (!store || folder === undefined) return;
    const checksum = await openPackage(folder).then(
      (opened) => opened.checksum,
      () => undefined,
    );
    if (checksum !== digest) await store.remove(digest);
  }

  stop(): void {
    this.stopping.abort();
  }

  private async fetched(store: PackageStore, { digest, name, version }: PackageName): Promise<string> {
    const { fetch } = this;
    if (!fetch) {
      throw new Error(
        `The package of ${name}:${version} is not in this worker's store. Make SLUICE_STORE the gateways' store, as a` +
          ' shared volume, or set SLUICE_GATEWAY_URL.',
      );
    }
    const { signal } = this.stopping;
    for (let attempt = 1; ; attempt++) {
      try {
        const announced = await fetch.list(digest, signal);
        return await store.adopt(announced, (file) => fetch.file(digest, file, signal), signal);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (attempt === TRIES || error instanceof RefusedForGood || signal.aborted) {
          const sentence = `The package of ${name}:${version} could not be fetched: ${reason}`;
          throw error instanceof GatewayAway ? new GatewayAway(sentence) : new Error(sentence, { cause: error });
        }
        this.options.log.warn({ model: `${name}:${version}`, attempt, reason }, 'a package is fetched again');
        await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Opened when it is first needed: a worker without registered versions needs no place to write. */
  private store(): Promise<PackageStore> {
    this.opened ??= PackageStore.open(this.options.config.storeDir, { sweeps: this.fetch !== undefined }).catch(
      (error: unknown) => {
        this.opened = undefined;
        const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
        throw new Error(`The folder SLUICE_STORE cannot be used (${code}). Make it writable for the worker.`);
      },
    );
    return this.opened;
  }
}
