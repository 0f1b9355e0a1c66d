/**
 * Base64 to bytes, and whether it was base64: Node's decoder passes over what is not of the alphabet, which shows in how
 * little comes out. A regular expression over 100 kB costs a multiple of the decoding.
 */

/** Undefined where the text is empty or no base64, padded or not; of the URL-safe alphabet, too. */
export function fromBase64(text: string): Buffer | undefined {
  const characters = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
  // The decoder looks at the low byte of a character only, so that one beyond ASCII may pass for another.
  if (characters === 0 || characters % 4 === 1 || Buffer.byteLength(text) !== text.length) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === Math.floor((characters * 3) / 4) ? bytes : undefined;
}
