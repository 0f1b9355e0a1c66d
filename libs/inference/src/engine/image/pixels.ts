/** A decoded picture: rows of 8-bit samples without padding, 3 channels (RGB) or 1 (gray). */
export interface Pixels {
  width: number;
  height: number;
  channels: 1 | 3;
  data: Uint8Array;
}

/** 150 MB as RGB; with one decode more than compute threads at once this bounds an executor's picture memory. */
export const MAX_PIXELS = 50_000_000;

/** Luma as Pillow's `convert("L")` computes it; the factors sum to 65536, so that gray stays exactly as it is. */
export function toGray(pixels: Pixels): Pixels {
  if (pixels.channels === 1) return pixels;
  const { width, height, data } = pixels;
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += 3) {
    gray[i] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: gray };
}

/** Ink to light as Pillow's `convert("RGB")` does it from CMYK, without a colour profile. 255 is full ink. */
export function cmykToRgb(ink: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((ink.length / 4) * 3);
  for (let at = 0, to = 0; at < ink.length; at += 4, to += 3) {
    const light = 255 - ink[at + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      const product = ink[at + channel]! * light + 128;
      rgb[to + channel] = light - (((product >> 8) + product) >> 8);
    }
  }
  return rgb;
}
