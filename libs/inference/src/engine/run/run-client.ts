/**
 * The main thread's side of the run thread: one promise for each call.
 *
 * Invariants: a run's tensors are gone from this thread once it is asked for; calls may be asked for ahead, so that
 * the run thread never waits for this one; after `close` nothing more is asked.
 */
import { Worker } from 'node:worker_threads';
import type { ExecutorSettings } from '../../contract/executor-messages.js';
import type { Placement } from '../../contract/placement.js';
import type { Tensor } from '../../tensor/frame.js';
import { buffersOf, type FromRunThread, type SessionInfo, type ToRunThread } from './run-protocol.js';

type Answer = Extract<FromRunThread, { call: number }>;
interface Waiting {
  resolve: (answer: Exclude<Answer, { kind: 'failed' }>) => void;
  reject: (error: Error) => void;
}
type Call = Exclude<ToRunThread, { kind: 'close' }>;
type Question = Call extends infer Each ? (Each extends Call ? Omit<Each, 'call'> : never) : never;

/** A loaded session, by number. */
export interface OpenSession extends Omit<SessionInfo, 'watched'> {
  session: number;
  /**
   * There where providers other than the CPU were asked for: says which of them got the nodes, and makes runs from
   * then on cost less. `tried`: a whole run has succeeded.
   * @throws Error with what to do when nodes lie on the CPU that must not.
   */
  place?: (tried: boolean) => Promise<Placement>;
}

export interface RunOutcome {
  outputs: Tensor[];
  inferMs: number;
}

export class RunClient {
  private readonly waiting = new Map<number, Waiting>();
  /** Resolves when the thread is gone, whether asked to or not; nothing is answered after that. */
  readonly ended: Promise<void>;
  private failure: Error | undefined;
  private calls = 0;
  private sessions = 0;

  private constructor(private readonly thread: Worker) {
    thread.on('message', (message: FromRunThread) => this.settle(message));
    this.ended = new Promise((resolve) => {
      thread.on('error', (error) => this.failAll(error));
      thread.on('exit', () => {
        this.failAll(new Error('The run thread has ended.'));
        resolve();
      });
    });
  }

  /** @throws Error with a message for the operator when onnxruntime or a wanted provider is not there. */
  static async start(entry: URL, settings: ExecutorSettings): Promise<RunClient> {
    // Flags of the program that opened it need not suit a file: with --input-type=module no thread would start.
    const thread = new Worker(entry, { workerData: settings, execArgv: [] });
    await new Promise<void>((resolve, reject) => {
      thread.once('error', reject);
      thread.once('message', (first: FromRunThread) => {
        thread.off('error', reject);
        if (first.kind === 'unable') reject(new Error(first.message));
        else resolve();
      });
    });
    return new RunClient(thread);
  }

  async open(path: string): Promise<OpenSession> {
    const session = this.sessions++;
    const answer = await this.ask({ kind: 'open', session, path });
    if (answer.kind !== 'opened') throw new Error('The run thread answered out of turn.');
    const { watched, ...info } = answer.info;
    return { session, ...info, ...(watched && { place: (tried: boolean) => this.place(session, tried) }) };
  }

  async run(session: number, feeds: Tensor[]): Promise<RunOutcome> {
    const answer = await this.ask({ kind: 'run', session, feeds }, buffersOf(feeds));
    if (answer.kind !== 'ran') throw new Error('The run thread answered out of turn.');
    return { outputs: answer.outputs, inferMs: answer.inferMs };
  }

  async release(session: number): Promise<void> {
    await this.ask({ kind: 'release', session });
  }

  /** Resolves when the calls before it are answered, the sessions released and the thread has ended. */
  async close(): Promise<void> {
    this.thread.postMessage({ kind: 'close' } satisfies ToRunThread);
    await this.ended;
  }

  private async place(session: number, tried: boolean): Promise<Placement> {
    const answer = await this.ask({ kind: 'place', session, tried });
    if (answer.kind !== 'placed') throw new Error('The run thread answered out of turn.');
    return answer.placement;
  }

  private ask(question: Question, transfer: ArrayBuffer[] = []): Promise<Exclude<Answer, { kind: 'failed' }>> {
    const call = this.calls++;
    // A message to a thread that is gone would never be answered.
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting.set(call, { resolve, reject });
      this.thread.postMessage({ ...question, call }, transfer);
    });
  }

  private settle(message: FromRunThread): void {
    if (!('call' in message)) return;
    const waiting = this.waiting.get(message.call);
    this.waiting.delete(message.call);
    if (message.kind === 'failed') waiting?.reject(new Error(message.message));
    else waiting?.resolve(message);
  }

  private failAll(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
