/** The sign of a tar archive: a header whose checksum is right. Source: POSIX.1-2017, pax, "ustar Interchange Format". */

export const TAR_BLOCK = 512;
const CHECKSUM = { at: 148, length: 8 };

export function isTarHeader(block: Uint8Array): boolean {
  if (block.length < TAR_BLOCK) return false;
  const field = Buffer.from(block.subarray(CHECKSUM.at, CHECKSUM.at + CHECKSUM.length)).toString('latin1');
  const stated = /^ *([0-7]{1,7})[ \0]/.exec(field)?.[1];
  if (stated === undefined) return false;
  // The field itself counts as spaces.
  let sum = CHECKSUM.length * 0x20;
  for (let i = 0; i < TAR_BLOCK; i++) {
    if (i < CHECKSUM.at || i >= CHECKSUM.at + CHECKSUM.length) sum += block[i]!;
  }
  return sum === parseInt(stated, 8);
}
