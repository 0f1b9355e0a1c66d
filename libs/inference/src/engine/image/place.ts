/**
 * From decoded pixels to the picture that a model looks at: colour, resize, crop, padding, in the order in which
 * training scripts do it.
 */
import { placementOf, type PlacementSpec } from './geometry.js';
import { toGray, type Pixels } from './pixels.js';
import { resample, type Region } from './resample.js';

export function place(source: Pixels, spec: PlacementSpec & { color: 'RGB' | 'BGR' | 'GRAY' }): Pixels {
  const pixels = spec.color === 'GRAY' ? toGray(source) : source;
  const { resized, crop } = placementOf(pixels, spec);
  const left = Math.max(0, crop.left);
  const top = Math.max(0, crop.top);
  const width = Math.min(crop.left + crop.width, resized.width) - left;
  const height = Math.min(crop.top + crop.height, resized.height) - top;
  const inside = resample(pixels, resized, { left, top, width, height });
  if (width === crop.width && height === crop.height) return inside;
  const frame = { left: left - crop.left, top: top - crop.top, width: crop.width, height: crop.height };
  return pad(inside, frame, fillOf(spec));
}

/** Black, before normalisation, as torchvision's CenterCrop fills what a small picture lacks; else a letterbox's gray. */
function fillOf({ resize }: PlacementSpec): number {
  return resize && 'letterbox' in resize ? resize.fill : 0;
}

function pad(inside: Pixels, frame: Region, fill: number): Pixels {
  const { channels } = inside;
  const data = new Uint8Array(frame.width * frame.height * channels).fill(fill);
  const row = inside.width * channels;
  for (let y = 0; y < inside.height; y++) {
    const to = ((frame.top + y) * frame.width + frame.left) * channels;
    data.set(inside.data.subarray(y * row, (y + 1) * row), to);
  }
  return { width: frame.width, height: frame.height, channels, data };
}
