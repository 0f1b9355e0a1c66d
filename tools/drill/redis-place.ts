/** The Redis of the drill: append-only file each second, always on the same folder and port. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RedisProcess, type StartOptions } from '../../apps/cli/src/redis/redis-process.js';
import { freePort } from '../../apps/cli/src/serve/free-port.js';
import { findRedis } from '../bench/processes/redis.js';

const MAX_MEMORY_BYTES = 1024 * 1024 * 1024;

export class RedisPlace {
  readonly name = 'redis';
  private running: RedisProcess | undefined;

  private constructor(
    private readonly options: StartOptions,
    readonly url: string,
  ) {
    process.on('exit', () => this.running?.kill());
  }

  static async start(scratch: string): Promise<RedisPlace> {
    const program = await findRedis();
    const dir = join(scratch, 'redis');
    await mkdir(dir);
    const settings = { port: await freePort(), dir, appendonly: true, maxMemoryBytes: MAX_MEMORY_BYTES };
    const options = { program, settings, logFile: join(dir, 'redis.log'), detached: false };
    const place = new RedisPlace(options, `redis://127.0.0.1:${settings.port}`);
    await place.up();
    return place;
  }

  get isUp(): boolean {
    return this.running !== undefined;
  }

  /** Settles when it has read its file and answers. */
  async up(): Promise<void> {
    this.running ??= await RedisProcess.start(this.options);
  }

  async kill(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    running?.kill();
    await running?.exited;
  }

  async close(): Promise<void> {
    await this.running?.stop();
  }
}
