/** How far a run is, to standard error: one line that is written over on a terminal, a line now and then elsewhere. */
import type { Progress } from './batch-run.js';

const WIDTH = 30;
const PLAIN_EVERY_MS = 5_000;
const BAR_EVERY_MS = 100;

export class ProgressBar {
  private readonly begun = Date.now();
  private first: number | undefined;
  private toldAt = 0;

  constructor(private readonly stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>) {}

  show(progress: Progress): void {
    this.first ??= progress.written;
    const now = Date.now();
    const isOver = progress.written === progress.total;
    if (!isOver && now - this.toldAt < (this.stream.isTTY ? BAR_EVERY_MS : PLAIN_EVERY_MS)) return;
    this.toldAt = now;
    const text = this.text(progress, (now - this.begun) / 1_000);
    this.stream.write(this.stream.isTTY ? `\r\x1b[2K${bar(progress)} ${text}` : `${text}\n`);
  }

  /** The terminal's next line is free again. */
  end(): void {
    if (this.stream.isTTY && this.toldAt > 0) this.stream.write('\n');
  }

  private text({ total, committed, written, failed }: Progress, seconds: number): string {
    const rate = (written - (this.first ?? 0)) / Math.max(seconds, 0.001);
    const left = rate > 0 ? `, ${Math.ceil((total - written) / rate)} s left` : '';
    const bad = failed > 0 ? `, ${failed} without an output` : '';
    return `${written} of ${total} rows, ${committed} sent${bad}, ${Math.round(rate)}/s${written < total ? left : ''}`;
  }
}

function bar({ total, written }: Progress): string {
  const full = total === 0 ? WIDTH : Math.floor((WIDTH * written) / total);
  return `[${'#'.repeat(full)}${' '.repeat(WIDTH - full)}]`;
}
