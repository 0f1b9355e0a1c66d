/**
 * Bytes as they come to the lines in them. Blank lines are none; the last needs no end, and the first may have a byte
 * order mark, as editors and shells of Windows write it.
 *
 * Invariants: nothing is read ahead of what is asked for, so a slow reader holds up its sender and no memory; a line
 * longer than `most` is never gathered: its place is kept by `undefined`.
 */
const NEWLINE = 0x0a;
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export async function* linesOf(bytes: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer | undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer): void => {
    length += piece.length;
    if (length <= most) pieces.push(piece);
    else pieces = [];
  };
  let isFirst = true;
  const whole = (): Buffer | undefined => {
    const gathered = length > most ? undefined : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    const line = isFirst && gathered?.indexOf(MARK) === 0 ? gathered.subarray(MARK.length) : gathered;
    isFirst = false;
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
  // No call a byte: the longest line is megabytes.
  for (let at = 0; at < line.length; at++) {
    const byte = line[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}
