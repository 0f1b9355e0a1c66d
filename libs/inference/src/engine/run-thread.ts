/**
 * The thread of an executor in which onnxruntime runs, so that the thread that talks and decodes stays free.
 *
 * Invariants: one call at a time, in order; never terminated from outside, for that aborts the process in the middle
 * of a run: on `close` it releases every session and lets go of its port, and so ends.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { ExecutorSettings } from '../contract/executor-messages.js';
import { buffersOf, type FromRunThread, type ToRunThread } from './run-protocol.js';
import type { Session } from './session.js';

const port = parentPort!;
const settings = workerData as ExecutorSettings;
const sessions = new Map<number, Session>();

const answer = (message: FromRunThread): void =>
  port.postMessage(message, message.kind === 'ran' ? buffersOf(message.outputs) : []);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function start(): Promise<void> {
  let openSession: typeof import('./session.js').openSession;
  try {
    // Imported late: where the native library cannot be loaded this must become a sentence, not a crash.
    const engine = await import('./session.js');
    openSession = engine.openSession;
    await engine.checkProviders(settings);
  } catch (error) {
    answer({ kind: 'unable', message: textOf(error) });
    port.close();
    return;
  }
  let previous = Promise.resolve();
  port.on('message', (message: ToRunThread) => {
    previous = previous.then(() => handle(message, openSession));
  });
  answer({ kind: 'ready' });
}

async function handle(message: ToRunThread, openSession: typeof import('./session.js').openSession): Promise<void> {
  if (message.kind === 'close') {
    for (const session of sessions.values()) await session.release();
    port.close();
    return;
  }
  const { call } = message;
  try {
    if (message.kind === 'open') {
      const session = await openSession(message.path, settings);
      sessions.set(message.session, session);
      answer({ kind: 'opened', call, info: { inputs: session.inputs, outputs: session.outputs } });
      return;
    }
    const session = sessions.get(message.session);
    if (!session) throw new Error('The session is not open.');
    if (message.kind === 'run') {
      answer({ kind: 'ran', call, ...(await session.run(message.feeds)) });
      return;
    }
    sessions.delete(message.session);
    await session.release();
    answer({ kind: 'released', call });
  } catch (error) {
    answer({ kind: 'failed', call, message: textOf(error) });
  }
}

void start();
