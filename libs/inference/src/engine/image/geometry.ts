/**
 * The arithmetic of resize and crop, as torchvision does it on Pillow images: truncation for the longer side, halves
 * to the even number for the crop's offset, padding where the crop is larger than the picture. And of letterboxes, as
 * Ultralytics does it: the sides rounded, halves to even, and where the frame's rest is odd, the larger half of it at
 * the right and at the bottom.
 */
import { SluiceError } from '../../errors.js';
import { MAX_PIXELS } from './pixels.js';

export interface Size {
  width: number;
  height: number;
}

export interface Placement {
  /** Size of the whole resized picture, of which only `crop` is ever computed. */
  resized: Size;
  /** Where the result lies in it. Negative offsets, or a reach beyond `resized`, are padding. */
  crop: Size & { left: number; top: number };
}

export type Resize =
  | { shorterSide: number }
  | { exact: readonly [number, number] }
  | { letterbox: readonly [number, number]; fill: number };

export interface PlacementSpec {
  resize?: Resize | undefined;
  crop?: readonly [number, number] | undefined;
}

/** A picture as a model sees it, and where that lies in the picture. */
export interface View {
  source: Size;
  placement: Placement;
}

export function placementOf(source: Size, spec: PlacementSpec): Placement {
  const { resize } = spec;
  const resized = resizedSize(source, resize);
  const frame = resize && 'letterbox' in resize ? resize.letterbox : spec.crop;
  const [height, width] = frame ?? [resized.height, resized.width];
  if (width * height > MAX_PIXELS) {
    throw new SluiceError(
      'IMAGE_TOO_LARGE',
      `A picture of ${source.width}x${source.height} would become ${width}x${height} for this model. Send one that is less long and thin.`,
    );
  }
  const left = offsetOf(resized.width, width);
  const top = offsetOf(resized.height, height);
  return { resized, crop: { left, top, width, height } };
}

function resizedSize(source: Size, resize: PlacementSpec['resize']): Size {
  if (!resize) return { width: source.width, height: source.height };
  if ('exact' in resize) return { height: resize.exact[0], width: resize.exact[1] };
  const { width, height } = source;
  if ('letterbox' in resize) {
    const ratio = Math.min(resize.letterbox[0] / height, resize.letterbox[1] / width);
    const scaled = (side: number): number => Math.max(1, roundHalfToEven(side * ratio));
    return { width: scaled(width), height: scaled(height) };
  }
  const side = resize.shorterSide;
  if (width <= height) return { width: side, height: Math.trunc((side * height) / width) };
  return { width: Math.trunc((side * width) / height), height: side };
}

function offsetOf(size: number, crop: number): number {
  return crop > size ? -Math.floor((crop - size) / 2) : roundHalfToEven((size - crop) / 2);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
