/**
 * Cuts one HTTP/1.1 answer out of the bytes of a connection and judges it: its status, a Content-Length, the marker in
 * the body. As little as a generator needs that shares its cores with what it measures.
 */
const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_AT = 'HTTP/1.1 '.length;

export type Verdict = 'good' | { reason: string; reusable: boolean };

export interface ExpectedAnswer {
  marker: string;
  status?: number;
}

export class AnswerParser {
  private readonly marker: Buffer;
  private readonly status: string;
  private pending: Buffer | undefined;

  constructor({ marker, status = 200 }: ExpectedAnswer) {
    this.marker = Buffer.from(marker);
    this.status = String(status);
  }

  reset(): void {
    this.pending = undefined;
  }

  /** Undefined while the answer is not whole. The bytes may be overwritten afterwards. */
  take(chunk: Buffer): Verdict | undefined {
    const bytes = this.pending === undefined ? chunk : Buffer.concat([this.pending, chunk]);
    const verdict = this.judge(bytes);
    this.pending = verdict !== undefined ? undefined : bytes === chunk ? Buffer.from(chunk) : bytes;
    return verdict;
  }

  private judge(bytes: Buffer): Verdict | undefined {
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd === -1) return undefined;
    const head = bytes.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return { reason: 'an answer without Content-Length', reusable: false };
    const bodyAt = headEnd + HEAD_END.length;
    const end = bodyAt + Number(length);
    if (bytes.length < end) return undefined;
    const status = head.slice(STATUS_AT, STATUS_AT + 3);
    const found = bytes.indexOf(this.marker, bodyAt);
    if (status === this.status && found !== -1) return 'good';
    const reusable = !/\r\nconnection: *close/i.test(head);
    if (status !== this.status)
      return { reason: `status ${status}: ${bytes.toString('utf8', bodyAt, bodyAt + 200)}`, reusable };
    return { reason: `no ${this.marker.toString()} in the body`, reusable };
  }
}
