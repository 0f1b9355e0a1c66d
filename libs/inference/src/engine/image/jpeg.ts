/** Reads a JPEG's frame header: all that must be known before decoding, at a fraction of opening the decoder twice. */

/** Colour components of the picture (1 gray, 3 colour, 4 CMYK); undefined where no frame header is found. */
export function jpegComponents(bytes: Uint8Array): number | undefined {
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    // Fill bytes may stand before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // SOF0 to SOF15, between which DHT (C4), JPG (C8) and DAC (CC) lie.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) return bytes[at + 9];
    if (marker === 0xda || marker === 0xd9) return undefined;
    at += 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
  }
  return undefined;
}
