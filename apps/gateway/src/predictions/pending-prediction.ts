/**
 * One item that waits for its reply: waiting → sent → settled.
 *
 * Invariants: its promise settles exactly once; `onSettled` fires exactly once, at the reply, the failure or the
 * deadline, whichever is first, even when the caller has long gone (the credit of its pack hangs on it).
 */
import { SluiceError, type PackItem, type ReplyHeader, type ReplyResult } from '#inference';

export interface Reply {
  batch: ReplyHeader['batch'];
  worker: string;
  result: ReplyResult & { status: 'ok' };
  bytes: Buffer;
}

export type OutgoingItem = Omit<PackItem, 'offset' | 'length'>;

export class PendingPrediction {
  readonly reply: Promise<Reply>;
  /** When it began to wait, by this process' own clock. */
  readonly since = performance.now();
  /** Key of the version that it is for. */
  of = '';
  sent = false;
  settled = false;
  /** Settled by a reply with a result. */
  answered = false;
  onSettled: () => void = () => undefined;
  /** Of all its pieces. */
  readonly length: number;
  private resolve!: (reply: Reply) => void;
  private reject!: (error: SluiceError) => void;
  private readonly timer: NodeJS.Timeout;

  constructor(
    readonly item: OutgoingItem,
    readonly bytes: readonly Uint8Array[],
    /** Milliseconds until the deadline. */
    readonly remainingMs: number,
  ) {
    this.length = bytes.reduce((sum, piece) => sum + piece.byteLength, 0);
    this.reply = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // A caller that has gone leaves nobody who listens.
    this.reply.catch(() => undefined);
    this.timer = setTimeout(() => this.fail(late(remainingMs)), remainingMs);
  }

  answer(reply: Reply): void {
    if (this.settled) return;
    this.answered = true;
    this.settle();
    this.resolve(reply);
  }

  fail(error: SluiceError): void {
    if (this.settle()) this.reject(error);
  }

  /** Frees the caller's side at once; the item itself stays until its reply or deadline. */
  abandon(): void {
    this.reject(new SluiceError('CALLER_GONE', 'The caller left.'));
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.timer);
    this.onSettled();
    return true;
  }
}

function late(ms: number): SluiceError {
  return new SluiceError(
    'DEADLINE_EXCEEDED',
    `No answer within ${ms} ms. Allow more with X-Request-Timeout (seconds), or add workers.`,
  );
}
