/**
 * The thread of an executor in which onnxruntime runs, so that the thread that talks and decodes stays free.
 *
 * Invariants: one call at a time, in order; never terminated from outside, for that aborts the process in the middle
 * of a run: on `close` it releases every session and lets go of its port, and so ends.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { ExecutorSettings } from '../../contract/executor-messages.js';
import type { PlacedSession } from '../placement/placed-session.js';
import { buffersOf, type FromRunThread, type ToRunThread } from './run-protocol.js';

const port = parentPort!;
const settings = workerData as ExecutorSettings;
const sessions = new Map<number, PlacedSession>();

type Open = (path: string) => Promise<PlacedSession>;
const answer = (message: FromRunThread): void =>
  port.postMessage(message, message.kind === 'ran' ? buffersOf(message.outputs) : []);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function start(): Promise<void> {
  let open: Open;
  try {
    // Imported late: where the native library cannot be loaded this must become a sentence, not a crash.
    const { checkProviders } = await import('../session.js');
    const { PlacedSession } = await import('../placement/placed-session.js');
    open = (path) => PlacedSession.open(path, settings);
    await checkProviders(settings);
  } catch (error) {
    answer({ kind: 'unable', message: textOf(error) });
    port.close();
    return;
  }
  let previous = Promise.resolve();
  port.on('message', (message: ToRunThread) => {
    previous = previous.then(() => handle(message, open));
  });
  answer({ kind: 'ready' });
}

async function handle(message: ToRunThread, open: Open): Promise<void> {
  if (message.kind === 'close') {
    for (const session of sessions.values()) await session.release();
    port.close();
    return;
  }
  const { call } = message;
  try {
    if (message.kind === 'open') {
      const placed = await open(message.path);
      sessions.set(message.session, placed);
      const { inputs, outputs } = placed.session;
      answer({ kind: 'opened', call, info: { inputs, outputs, watched: placed.watched } });
      return;
    }
    const placed = sessions.get(message.session);
    if (!placed) throw new Error('The session is not open.');
    if (message.kind === 'run') {
      answer({ kind: 'ran', call, ...(await placed.session.run(message.feeds)) });
      return;
    }
    if (message.kind === 'place') {
      answer({ kind: 'placed', call, placement: await placed.place(message.tried) });
      return;
    }
    sessions.delete(message.session);
    await placed.release();
    answer({ kind: 'released', call });
  } catch (error) {
    answer({ kind: 'failed', call, message: textOf(error) });
  }
}

void start();
