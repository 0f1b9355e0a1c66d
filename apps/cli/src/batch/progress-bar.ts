/** How far a bulk run is. */
import { ProgressLine } from '../progress-line.js';
import type { Progress } from './batch-run.js';

const PLAIN_EVERY_MS = 5_000;

export class ProgressBar {
  private readonly line: ProgressLine;
  private first: number | undefined;

  constructor(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>) {
    this.line = new ProgressLine(stream, PLAIN_EVERY_MS);
  }

  show(progress: Progress): void {
    this.first ??= progress.written;
    const { total, written } = progress;
    this.line.show(written === total, (seconds) => ({
      share: total === 0 ? 1 : written / total,
      text: this.text(progress, seconds),
    }));
  }

  end(): void {
    this.line.end();
  }

  private text({ total, committed, written, failed }: Progress, seconds: number): string {
    const rate = (written - (this.first ?? 0)) / Math.max(seconds, 0.001);
    const left = rate > 0 ? `, ${Math.ceil((total - written) / rate)} s left` : '';
    const bad = failed > 0 ? `, ${failed} without an output` : '';
    return `${written} of ${total} rows, ${committed} sent${bad}, ${Math.round(rate)}/s${written < total ? left : ''}`;
  }
}
