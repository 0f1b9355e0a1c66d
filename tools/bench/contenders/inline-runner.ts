/** Sessions in the calling thread, which they block while they run, as a program without queue and threads has them. */
import { openSession, type Runner, type Session } from '#engine';

export class InlineRunner implements Runner {
  private readonly sessions: Session[] = [];

  constructor(private readonly settings: Parameters<typeof openSession>[1]) {}

  async open(path: string): ReturnType<Runner['open']> {
    const session = await openSession(path, this.settings);
    const number = this.sessions.push(session) - 1;
    return { session: number, inputs: session.inputs, outputs: session.outputs };
  }

  run(session: number, feeds: Parameters<Runner['run']>[1]): ReturnType<Runner['run']> {
    return this.sessions[session]!.run(feeds);
  }

  release(session: number): Promise<void> {
    return this.sessions[session]!.release();
  }
}
