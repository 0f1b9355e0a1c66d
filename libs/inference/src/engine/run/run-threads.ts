/**
 * The threads of an executor in which sessions run: one for all small models, and one of its own for each large one.
 * Opening a session takes 2 to 5 ms a megabyte, all of it in the thread that opens it; where that is longer than a run,
 * the runs of other models must not wait behind it.
 *
 * Invariants: a session lives in the thread that opened it; a thread of a session's own ends with that session; when any
 * thread ends unasked, `broken` resolves.
 */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExecutorSettings } from '../../contract/executor-messages.js';
import type { Tensor } from '../../tensor/frame.js';
import type { Runner } from '../model.js';
import { RunClient, type OpenSession, type RunOutcome } from './run-client.js';

/** A package of more gets a thread of its own, which costs some 8 MB. */
const LARGE_BYTES = 8 * 1024 * 1024;

interface Place {
  client: RunClient;
  session: number;
  /** The thread is for this session alone. */
  own: boolean;
}

export class RunThreads implements Runner {
  readonly broken: Promise<void>;
  private tellBroken!: () => void;
  private readonly places = new Map<number, Place>();
  private readonly closing = new Set<RunClient>();
  private sessions = 0;

  private constructor(
    private readonly entry: URL,
    private readonly settings: ExecutorSettings,
    private readonly shared: RunClient,
  ) {
    this.broken = new Promise((resolve) => (this.tellBroken = resolve));
    this.watch(shared);
  }

  /** @throws Error with a message for the operator when onnxruntime or a wanted provider is not there. */
  static async start(entry: URL, settings: ExecutorSettings): Promise<RunThreads> {
    return new RunThreads(entry, settings, await RunClient.start(entry, settings));
  }

  async open(path: string): Promise<OpenSession> {
    const own = (await bytesBeside(path)) > LARGE_BYTES;
    const client = own ? await RunClient.start(this.entry, this.settings) : this.shared;
    if (own) this.watch(client);
    try {
      const opened = await client.open(path);
      const session = this.sessions++;
      this.places.set(session, { client, session: opened.session, own });
      return { ...opened, session };
    } catch (error) {
      if (own) await this.end(client);
      throw error;
    }
  }

  run(session: number, feeds: Tensor[]): Promise<RunOutcome> {
    const place = this.places.get(session);
    if (!place) return Promise.reject(new Error('The session is not open.'));
    return place.client.run(place.session, feeds);
  }

  /** Resolves when the calls for it are answered and its memory is free. */
  async release(session: number): Promise<void> {
    const place = this.places.get(session);
    this.places.delete(session);
    if (!place) return;
    if (place.own) await this.end(place.client);
    else await place.client.release(place.session);
  }

  /** Resolves when all calls are answered and all threads have ended. */
  async close(): Promise<void> {
    const own = [...this.places.values()].filter((place) => place.own).map(({ client }) => client);
    await Promise.all([this.shared, ...own].map((client) => this.end(client)));
  }

  private async end(client: RunClient): Promise<void> {
    this.closing.add(client);
    await client.close();
    this.closing.delete(client);
  }

  private watch(client: RunClient): void {
    void client.ended.then(() => this.closing.has(client) || this.tellBroken());
  }
}

/** Bytes of all files of the package of a model file: weights may lie beside it. */
export async function bytesBeside(path: string): Promise<number> {
  const folder = dirname(path);
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}
