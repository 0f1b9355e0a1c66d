/**
 * How far something is, to standard error: one line with a bar that is written over on a terminal; elsewhere a line now
 * and then, or nothing.
 */
const WIDTH = 30;
const BAR_EVERY_MS = 100;

export interface Step {
  /** From 0 to 1; undefined while nobody knows how much there is. */
  share: number | undefined;
  text: string;
}

export class ProgressLine {
  private readonly begun = Date.now();
  private toldAt = 0;

  /** @param plainEveryMs pause between lines where it is no terminal; Infinity for none at all */
  constructor(
    private readonly stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
    private readonly plainEveryMs: number,
  ) {}

  /** `step` is asked only when it is shown: the last is always. */
  show(isOver: boolean, step: (seconds: number) => Step): void {
    const now = Date.now();
    if (!this.stream.isTTY && this.plainEveryMs === Infinity) return;
    if (!isOver && now - this.toldAt < (this.stream.isTTY ? BAR_EVERY_MS : this.plainEveryMs)) return;
    this.toldAt = now;
    const { share, text } = step((now - this.begun) / 1_000);
    this.stream.write(this.stream.isTTY ? `\r\x1b[2K${share === undefined ? '' : bar(share)}${text}` : `${text}\n`);
  }

  /** The terminal's next line is free again. */
  end(): void {
    if (this.stream.isTTY && this.toldAt > 0) this.stream.write('\n');
  }
}

function bar(share: number): string {
  const full = Math.floor(WIDTH * Math.min(1, share));
  return `[${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] `;
}
