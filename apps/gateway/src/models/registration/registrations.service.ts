/**
 * Versions on their way into the registry: a package is taken into the store, registered, and its verification asked for.
 *
 * Invariants: what is refused leaves nothing behind, neither in the registry nor in the store; a registration that is
 * acknowledged is verified sooner or later, for upkeep asks again for verifications that were lost.
 */
import {
  LATEST,
  modelKey,
  SluiceError,
  type CheckQueue,
  type Ingested,
  type ListedRegistration,
  type Registered,
} from '#inference';
import type { GatewayContext } from '../../context.js';
import { redisAnswers } from '../../durable/durable.service.js';
import type { Audit } from '../audit.js';
import type { Caller } from '../caller.js';
import type { ModelCatalog } from '../catalog/model-catalog.js';
import type { Packages } from '../packages/packages.js';
import type { UnusedPackages } from '../packages/unused-packages.js';
import type { FoundPackage } from './package-source.js';

export interface NewVersion {
  by: Caller;
  /** Says where the package is, and may have to fetch it. */
  find(): Promise<FoundPackage>;
  /** Win over what the package says. */
  name?: string | undefined;
  version?: string | undefined;
  /** It becomes the default when a worker has it ready. */
  promote: boolean;
  /** False: it is verified, and no worker is to hold it yet. */
  load: boolean;
}

export interface RegisteredVersion {
  name: string;
  version: string;
  digest: string;
  /** Which verification is the current one. */
  check: number;
  /** The same package was registered before, and had not failed. */
  again: boolean;
  /** What was assumed about the package, or changed in it, a sentence each. */
  notes: string[];
}

export interface RegistrationsOptions {
  context: GatewayContext;
  catalog: ModelCatalog;
  packages: Packages;
  unused: UnusedPackages;
  checks: Pick<CheckQueue, 'add'>;
  audit: Audit;
}

export class RegistrationsService {
  constructor(private readonly options: RegistrationsOptions) {}

  /** @throws PACKAGE_INVALID, VERSION_CONFLICT, STATE_CONFLICT, STORAGE_FULL, CAPACITY_EXHAUSTED, QUEUE_UNAVAILABLE */
  register(wanted: NewVersion): Promise<RegisteredVersion> {
    const { name, version, by } = wanted;
    return this.options.audit.of({ action: 'register', model: name, version, by }, async (more) => {
      const { source, from } = await wanted.find();
      more({ from });
      const taken = await this.options.packages.take(source, { name, version });
      more({ model: taken.name, version: taken.version, digest: taken.digest });
      try {
        return await this.enter(taken, wanted, from);
      } catch (error) {
        await this.options.unused.drop(taken.digest);
        throw error;
      }
    });
  }

  /** The registration once its verification is over, or as it is when `ms` are; undefined when it has been removed. */
  async verified(
    { name, version, check }: RegisteredVersion,
    ms: number,
    gone: { onGone(listener: () => void): void },
  ): Promise<ListedRegistration | undefined> {
    const { catalog } = this.options;
    const now = (): ListedRegistration | undefined => catalog.view.versions.get(modelKey(name, version))?.registration;
    const isOver = (found: ListedRegistration | undefined): boolean =>
      found === undefined || found.check > check || found.state === 'available' || found.state === 'failed';
    await catalog.look();
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (isOver(now())) stop();
      };
      const unwatch = catalog.onChange(look);
      const timer = setTimeout(() => stop(), ms);
      const stop = (): void => {
        clearTimeout(timer);
        unwatch();
        resolve();
      };
      gone.onGone(stop);
      look();
    });
    return now();
  }

  private async enter(taken: Ingested, { by, promote, load }: NewVersion, from: string): Promise<RegisteredVersion> {
    const { context, catalog } = this.options;
    const { name, version, digest, bytes, files, manifest, notes } = taken;
    this.refuseTaken(taken);
    const registered = await redisAnswers(
      context.registry.register({
        head: { name, version, digest, bytes, source: from, by: by.owner },
        files,
        manifest,
        desired: load ? 'loaded' : 'unloaded',
        promote,
      }),
    );
    const { check, kind } = accepted(registered, taken);
    await this.confirmStored(taken);
    await this.askForCheck({ name, version, digest, check });
    await catalog.look();
    return { name, version, digest, check, again: kind === 'same', notes };
  }

  /** Names that mean something else, or that a worker serves other files under. */
  private refuseTaken({ name, version, digest }: Ingested): void {
    if (version === LATEST) {
      throw new SluiceError('INPUT_INVALID', `"${LATEST}" means the newest version; give this one a name of its own.`);
    }
    const known = this.options.catalog.view.versions.get(modelKey(name, version));
    const local = known !== undefined && known.registration === undefined && known.holders.length > 0;
    if (local && known.description?.checksum !== digest) {
      throw new SluiceError(
        'VERSION_CONFLICT',
        `A worker serves other files as "${name}" version "${version}" from a folder of its own. Give this package another version.`,
      );
    }
  }

  /** A removal of the same package may have come between taking it and registering it. */
  private async confirmStored({ name, version, digest }: Ingested): Promise<void> {
    const { packages, context } = this.options;
    if (await (await packages.store()).has(digest)) return;
    await redisAnswers(context.registry.remove({ name, version }, true));
    throw new SluiceError('STATE_CONFLICT', 'The same package was being removed at the same time. Register it again.');
  }

  private async askForCheck(job: { name: string; version: string; digest: string; check: number }): Promise<void> {
    const { checks, context } = this.options;
    await checks.add(job).catch((error: unknown) => {
      context.log.warn({ reason: String(error) }, 'a verification is left to upkeep');
    });
  }
}

type Entered = Extract<Registered, { check: number }>;

function accepted(registered: Registered, { name, version, digest }: Ingested): Entered {
  switch (registered.kind) {
    case 'conflict':
      throw new SluiceError(
        'VERSION_CONFLICT',
        `Model "${name}" version "${version}" is another package (${short(registered.digest)}, not ${short(digest)}). Give changed files a new version.`,
      );
    case 'alias':
      throw new SluiceError(
        'STATE_CONFLICT',
        `Model "${name}" has an alias "${version}". Use another version, or remove it.`,
      );
    case 'removing':
      throw new SluiceError(
        'STATE_CONFLICT',
        `Model "${name}" version "${version}" is just being removed. Try again in a few seconds.`,
      );
    case 'full':
      throw new SluiceError('STORAGE_FULL', 'The registry is full. Delete versions that nobody needs.');
    default:
      return registered;
  }
}

function short(digest: string): string {
  return digest.slice(0, 12);
}
