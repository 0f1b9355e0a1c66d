/**
 * From the model's view of a picture back to the picture: what resize, crop and letterbox did is undone.
 *
 * Coordinates are continuous, in pixels from the top left corner, so that a pixel reaches from x to x + 1.
 */
import type { Size, View } from './geometry.js';

type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** The whole of a picture, as it is. */
export function wholeView({ width, height }: Size): View {
  const size = { width, height };
  return { source: size, placement: { resized: size, crop: { left: 0, top: 0, ...size } } };
}

/** Whether some of a box in the view lies on the picture, and not on padding alone. */
export function isSeen(box: Box, view: View): boolean {
  const [left, top, right, bottom] = inSource(box, view);
  return right > left && bottom > top;
}

/** A box in the view as a box in the picture, cut at its borders and rounded to hundredths of a pixel. */
export function boxInSource(box: Box, view: View): [number, number, number, number] {
  const [left, top, right, bottom] = inSource(box, view);
  return [rounded(left), rounded(top), rounded(right), rounded(bottom)];
}

function inSource([left, top, right, bottom]: Box, { source, placement }: View): Box {
  const { resized, crop } = placement;
  const x = (value: number): number => clipped(((value + crop.left) * source.width) / resized.width, source.width);
  const y = (value: number): number => clipped(((value + crop.top) * source.height) / resized.height, source.height);
  return [x(left), y(top), x(right), y(bottom)];
}

function clipped(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
