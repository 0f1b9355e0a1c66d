/** One line on a terminal, lines now and then elsewhere, or none. */
import { ProgressLine } from './progress-line.js';

function line(isTTY: boolean, plainEveryMs: number): { line: ProgressLine; written: string[] } {
  const written: string[] = [];
  const stream = { isTTY, write: (text: string | Uint8Array) => written.push(String(text)) > 0 };
  return { line: new ProgressLine(stream, plainEveryMs), written };
}

it('writes over itself on a terminal, not more often than can be seen, and frees the line at its end', () => {
  const { line: bar, written } = line(true, 0);
  bar.show(false, () => ({ share: 0, text: 'begun' }));
  bar.show(false, () => ({ share: 0.5, text: 'too soon' }));
  bar.show(true, () => ({ share: 1, text: 'done' }));
  bar.end();
  expect(written).toEqual([`\r\x1b[2K[${' '.repeat(30)}] begun`, `\r\x1b[2K[${'#'.repeat(30)}] done`, '\n']);
});

it('has no bar where nobody knows how much there is', () => {
  const { line: bar, written } = line(true, 0);
  bar.show(false, () => ({ share: undefined, text: 'verifying' }));
  expect(written).toEqual(['\r\x1b[2Kverifying']);
});

it('writes plain lines elsewhere, or nothing at all', () => {
  const plain = line(false, 60_000);
  const silent = line(false, Infinity);
  for (const { line: each } of [plain, silent]) {
    each.show(false, () => ({ share: 0.1, text: 'first' }));
    each.show(false, () => ({ share: 0.2, text: 'second' }));
    each.show(true, () => ({ share: 1, text: 'last' }));
    each.end();
  }
  expect(plain.written).toEqual(['first\n', 'last\n']);
  expect(silent.written).toEqual([]);
});
