import fc from 'fast-check';
import { linesOf } from './lines.js';

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? bytes.length;
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

async function all(lines: AsyncIterable<Buffer | undefined>): Promise<(string | undefined)[]> {
  const found = [];
  for await (const line of lines) found.push(line?.toString());
  return found;
}

describe('lines of a stream', () => {
  it('are the same however the stream is cut', async () => {
    const line = fc.stringMatching(/^[a-zä ]{0,12}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (lines, cuts) => {
          const found = await all(linesOf(inPieces(Buffer.from(lines.join('\n')), cuts), 1_000));
          expect(found).toEqual(lines.filter((each) => each.trim() !== ''));
        },
      ),
    );
  });

  it('have no byte order mark before the first, however the stream is cut, and keep one elsewhere', async () => {
    for (const size of [1, 2, 3, 4, 64]) {
      const bytes = Buffer.from('\ufeff[1]\n\ufeff[2]');
      expect(await all(linesOf(inPieces(bytes, [size]), 100))).toEqual(['[1]', '\ufeff[2]']);
    }
  });

  it('that are too long keep their place and nothing else', async () => {
    const text = `a\n${'b'.repeat(5_000)}\r\nc\n${'d'.repeat(5_000)}`;
    expect(await all(linesOf(inPieces(Buffer.from(text), [512]), 100))).toEqual(['a', undefined, 'c', undefined]);
  });

  it('are read no faster than they are taken', async () => {
    let given = 0;
    async function* source(): AsyncGenerator<Buffer> {
      for (;;) {
        given++;
        yield await Promise.resolve(Buffer.from('line\n'));
      }
    }
    const lines = linesOf(source(), 100);
    for (let i = 0; i < 3; i++) await lines.next();
    expect(given).toBe(3);
    await lines.return(undefined);
  });
});
