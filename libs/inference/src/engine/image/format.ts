/**
 * Tells a picture's format from its first bytes, so that only four decoders are ever opened and a refusal can name
 * what came. Invariant: what the caller says about the type is never trusted.
 */
export const ACCEPTED_FORMATS = ['JPEG', 'PNG', 'WebP', 'GIF'] as const;
export type ImageFormat = (typeof ACCEPTED_FORMATS)[number];

const REFUSED: readonly { name: string; looksLike: (head: string) => boolean }[] = [
  { name: 'TIFF', looksLike: (head) => /^(II\*\0|MM\0\*|II\+\0|MM\0\+)/.test(head) },
  { name: 'BMP', looksLike: (head) => head.startsWith('BM') },
  { name: 'PDF', looksLike: (head) => head.startsWith('%PDF') },
  { name: 'AVIF', looksLike: (head) => /^....ftypavi[fs]/s.test(head) },
  { name: 'HEIF', looksLike: (head) => /^....ftyp(hei|hev|mif1|msf1)/s.test(head) },
  { name: 'MP4 video', looksLike: (head) => /^....ftyp/s.test(head) },
  { name: 'JPEG XL', looksLike: (head) => head.startsWith('\xff\x0a') || /^....JXL /s.test(head) },
  { name: 'JPEG 2000', looksLike: (head) => /^....jP {2}/s.test(head) || head.startsWith('\xff\x4f\xff\x51') },
  { name: 'Photoshop', looksLike: (head) => head.startsWith('8BPS') },
  { name: 'an icon (ICO)', looksLike: (head) => head.startsWith('\0\0\x01\0') },
  { name: 'a ZIP archive', looksLike: (head) => head.startsWith('PK\x03\x04') },
  { name: 'SVG', looksLike: (head) => /^(\xef\xbb\xbf)?\s*<(\?xml|svg|!--|!doctype svg)/i.test(head) },
  { name: 'HTML', looksLike: (head) => /^(\xef\xbb\xbf)?\s*<(!doctype|html)/i.test(head) },
  { name: 'JSON', looksLike: (head) => /^\s*[{["]/.test(head) },
  { name: 'base64 text', looksLike: (head) => /^(data:image|iVBORw0|\/9j\/|R0lGOD|UklGR)/.test(head) },
];

export function sniffFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = headOf(bytes);
  if (head.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (/^RIFF....WEBP/s.test(head)) return 'WebP';
  if (/^GIF8[79]a/.test(head)) return 'GIF';
  return undefined;
}

/** What refused bytes look like, for the message; undefined where nothing fits. */
export function guessFormat(bytes: Uint8Array): string | undefined {
  const head = headOf(bytes);
  return REFUSED.find((format) => format.looksLike(head))?.name;
}

function headOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 64)).toString('latin1');
}
