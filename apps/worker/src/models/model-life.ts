/**
 * Which versions this worker serves, over time: it looks at the registry, at what is wanted, at what drains and at what
 * there is room for, and acts; then waits to be told of a change, or for a second.
 *
 * Invariant: one look at a time; whatever comes meanwhile is one more look; with Redis away it looks again when it is
 * back, and makes up for what it has missed.
 */
import { FleetReader, Registry, RegistryReader, VersionQueues, type ControlMessage } from '#inference';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerContext } from '../context.js';
import { Draining } from './draining.js';
import { Following } from './following.js';
import { Loading } from './loading.js';
import { Evictions } from './memory/evictions.js';
import { Room } from './memory/room.js';
import { Orphans } from './orphans.js';
import type { PackageFolder } from './packages/package-folders.js';
import type { PackageSource } from './packages/package-source.js';
import type { ServedModels } from './served-models.js';
import { Version } from './version.js';
import { Wants } from './wants.js';

const EVERY_MS = 1_000;
/** While something waits to be loaded. */
const SOON_MS = 100;
/** What is wanted is told of; this is for what was missed. */
const ASK_MS = 5_000;
/** No name is another package's sooner after its removal. */
const CURRENT_MS = 2_000;

export class ModelLife {
  private readonly registry: Registry;
  private readonly reader: RegistryReader;
  private readonly draining: Draining;
  private readonly loading: Loading;
  private readonly evictions: Evictions;
  private readonly following: Following;
  private readonly room: Room;
  private readonly orphans: Orphans;
  private readonly wants = new Wants();
  private orphaned = new Set<string>();
  private askedAt = -Infinity;
  private isLooking = false;
  private isCalled = false;
  private isStopped = false;
  private readAt = -Infinity;
  private readonly waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: WorkerContext,
    private readonly models: ServedModels,
    private readonly source: PackageSource,
  ) {
    const { redis, keys, clock, id } = context;
    const look = (): void => this.look();
    this.registry = new Registry(redis, keys, clock);
    this.reader = new RegistryReader(redis, keys);
    const queues = new VersionQueues(redis, keys);
    this.draining = new Draining(models, queues);
    this.loading = new Loading({ context, registry: this.registry, models, source, ended: look });
    this.evictions = new Evictions({ context, models, loading: this.loading, queues, look });
    const { draining, loading, evictions, wants } = this;
    this.following = new Following({ context, models, draining, loading, source, look });
    const isNamed = (key: string): boolean => this.following.named.has(key);
    this.room = new Room({ context, models, loading, evictions, wants, isNamed });
    this.orphans = new Orphans(id, new FleetReader(redis, keys, clock), queues);
    models.onUse(({ state, isIdle }) => {
      if (state === 'draining' && isIdle) this.look();
    });
  }

  /** `folders`: packages of the worker's own. */
  async start(folders: readonly PackageFolder[]): Promise<void> {
    for (const folder of folders) {
      const version = Version.inFolder(folder);
      version.memory.files = await bytesOf(folder.directory);
      this.models.add(version);
    }
    this.look();
  }

  heard({ registry, wanted = [] }: ControlMessage): void {
    this.want(wanted);
    for (const key of wanted) {
      // Whoever asks has not heard yet, and another worker is not to load it for that.
      const version = this.models.get(key);
      if (version?.state === 'ready') void this.loading.settled(version);
    }
    if (registry !== undefined || wanted.length > 0) this.look();
  }

  /** No executor can hold a version any more that was ready. */
  lost(version: Version, reason: string): void {
    this.loading.lost(version, reason);
  }

  /** Resolves when what is registered was read within CURRENT_MS: at once, unless this worker stood still or was cut off. */
  async current(): Promise<void> {
    while (!this.isStopped && performance.now() - this.readAt > CURRENT_MS) {
      const read = new Promise<void>((resolve) => this.waiting.push(resolve));
      this.look();
      await read;
    }
  }

  stop(): void {
    this.isStopped = true;
    this.read();
    clearTimeout(this.timer);
    this.source.stop();
  }

  private look(): void {
    this.isCalled = true;
    if (!this.isLooking && !this.isStopped) void this.lookWhileCalled();
  }

  private async lookWhileCalled(): Promise<void> {
    this.isLooking = true;
    clearTimeout(this.timer);
    while (this.isCalled && !this.isStopped) {
      this.isCalled = false;
      await this.once().catch((error: unknown) => {
        this.context.log.warn({ reason: String(error) }, 'a look at the registry failed; it is made again');
      });
    }
    this.isLooking = false;
    if (this.isStopped) return;
    const due = Math.min(EVERY_MS, this.draining.dueIn() ?? EVERY_MS, this.wants.size > 0 ? SOON_MS : EVERY_MS);
    this.timer = setTimeout(() => this.look(), due);
  }

  private async once(): Promise<void> {
    const began = performance.now();
    this.following.follow(await this.reader.read());
    this.readAt = began;
    this.read();
    await this.draining.look();
    await this.ask();
    await this.loading.renewClaims();
    // Stopped meanwhile: nothing more is begun.
    if (!this.isStopped) await this.room.look();
  }

  private read(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Which versions are wanted still, and which have jobs that nobody takes. */
  private async ask(): Promise<void> {
    const absent = this.models.all().filter(({ state, mayHaveJobs }) => state === 'loadable' && mayHaveJobs);
    const orphans = await this.orphans.find(absent);
    if (orphans) this.orphaned = new Set(orphans.map(({ key }) => key));
    for (const { key } of await this.evictions.missed()) this.orphaned.add(key);
    for (const key of this.orphaned) if (this.models.get(key)?.state !== 'loadable') this.orphaned.delete(key);
    const now = performance.now();
    if (this.wants.size === 0 && this.orphaned.size === 0 && now - this.askedAt < ASK_MS) return;
    this.askedAt = now;
    const wanted = await this.registry.wanted();
    this.wants.keep(new Set([...wanted, ...this.orphaned]));
    this.want([...wanted, ...this.orphaned]);
  }

  private want(keys: readonly string[]): void {
    this.wants.add(keys, (key) => {
      const version = this.models.get(key);
      return version?.state === 'loadable' && (version.isDesired || this.orphaned.has(key));
    });
  }
}

async function bytesOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}
