/**
 * Bytes as they come to the lines in them. Blank lines are none; the last needs no end.
 *
 * Invariants: nothing is read ahead of what is asked for, so a slow reader holds up its sender and no memory; a line
 * longer than `most` is never gathered: its place is kept by `undefined`.
 */
const NEWLINE = 0x0a;
const BLANKS = new Set([0x20, 0x09, 0x0d]);

export async function* linesOf(bytes: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer | undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer): void => {
    length += piece.length;
    if (length <= most) pieces.push(piece);
    else pieces = [];
  };
  const whole = (): Buffer | undefined => {
    const line = length > most ? undefined : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    pieces = [];
    length = 0;
    return line;
  };
  for await (const piece of bytes) {
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      take(piece.subarray(from, end));
      from = end + 1;
      const line = whole();
      if (!line || !isBlank(line)) yield line;
    }
    if (from < piece.length) take(piece.subarray(from));
  }
  const line = whole();
  if (!line || !isBlank(line)) yield line;
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => BLANKS.has(byte));
}
