/** The benchmark's end of the load generator: one cell of load, with a look at the processes at both ends of the window. */
import { fileURLToPath } from 'node:url';
import { childEnv } from '#inference';
import type { Child, Children } from '../processes/children.js';
import type { FromGenerator, LoadSettings, LoadSummary, ToGenerator } from './protocol.js';

const ENTRY = fileURLToPath(new URL('./generator.js', import.meta.url));

export class LoadGenerator {
  private constructor(private readonly child: Child) {}

  static async start(children: Children): Promise<LoadGenerator> {
    const child = children.start({ name: 'load generator', script: ENTRY, env: childEnv({}) });
    await child.next<FromGenerator, 'ready'>('ready');
    return new LoadGenerator(child);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** `look` is called when the window opens and again when it closes. */
  async run<Seen>(
    settings: LoadSettings,
    look: () => Seen,
  ): Promise<{ summary: LoadSummary; before: Seen; after: Seen }> {
    const opened = this.child.next<FromGenerator, 'window-opened'>('window-opened').then(look);
    const closed = this.child.next<FromGenerator, 'window-closed'>('window-closed').then(look);
    const finished = this.child.next<FromGenerator, 'finished'>('finished');
    this.child.send({ kind: 'generate', settings } satisfies ToGenerator);
    const [before, after, { summary }] = await Promise.all([opened, closed, finished]);
    return { summary, before, after };
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }
}
