/**
 * From a segmenter's output for one picture to the class of each of its pixels, and from there to the picture's own
 * size: the nearest pixel by its centre, so that classes are never mixed. (An enlarged map has steps as large as the
 * model's pixels; smoothing scores before the choice would hide how fine the model sees.)
 *
 * Invariants: of equal scores the lower class counts; a pixel that the model has not seen, as it was cropped away, is
 * NO_CLASS; the picture's own pixels all have one value.
 */
import { SluiceError } from '../../../errors.js';
import type { Tensor } from '../../../tensor/frame.js';
import type { Size, View } from '../../image/geometry.js';
import { valuesOf, type Values } from '../values.js';
import { MOST_CLASSES, NO_CLASS, type MapLayout, type SegmentationForm } from './segmentation-form.js';

export interface ClassMap extends Size {
  /** Rows of one class a pixel. */
  data: Uint8Array;
}

export interface ModelMap extends ClassMap {
  /** The score of each pixel's class. */
  scores?: Float32Array;
}

/** @throws SluiceError where the output holds NaN, or a class that cannot be told. */
export function modelMap(tensor: Tensor, layout: MapLayout, form: SegmentationForm): ModelMap {
  const { width, height, channels, kind } = layout;
  const values = valuesOf(tensor);
  const size = { width, height };
  if (kind === 'classes') return { ...size, data: classesOf(values) };
  if (channels === 1) return { ...size, ...twoClasses(values, form) };
  const [pixel, channel] = form.channelsFirst ? [1, width * height] : [channels, 1];
  const data = highest(values, { pixels: width * height, channels, pixel, channel });
  if (!form.confidence) return { ...size, data };
  const scores = new Float32Array(data.length);
  for (let i = 0; i < scores.length; i++) {
    const at = i * pixel;
    scores[i] = scoreOf(values, { at, channel, channels, own: data[i]!, activation: form.activation });
  }
  return { ...size, data, scores };
}

function classesOf(values: Values): Uint8Array {
  const data = new Uint8Array(values.length);
  for (let i = 0; i < data.length; i++) {
    const value = values[i]!;
    if (!(value >= 0 && value <= MOST_CLASSES)) {
      throw new SluiceError(
        'MODEL_RUN_FAILED',
        `The model's class map holds ${value}; classes 0 to ${MOST_CLASSES - 1} can be told, and ${NO_CLASS} for none.`,
      );
    }
    data[i] = Math.round(value);
  }
  return data;
}

function twoClasses(values: Values, form: SegmentationForm): { data: Uint8Array; scores?: Float32Array } {
  const data = new Uint8Array(values.length);
  const scores = new Float32Array(values.length);
  for (let i = 0; i < data.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) throw notANumber();
    const score = form.activation === 'sigmoid' ? 1 / (1 + Math.exp(-value)) : value;
    const isOne = score >= form.threshold;
    data[i] = isOne ? 1 : 0;
    scores[i] = isOne ? score : 1 - score;
  }
  return form.confidence ? { data, scores } : { data };
}

interface Strides {
  pixels: number;
  channels: number;
  /** From one pixel to the next, and from one channel to the next. */
  pixel: number;
  channel: number;
}

/** The channel with the highest value, for each pixel. One channel after the other, as they mostly lie in memory. */
function highest(values: Values, { pixels, channels, pixel, channel }: Strides): Uint8Array {
  const data = new Uint8Array(pixels);
  const best = new Float64Array(pixels).fill(-Infinity);
  let isBroken = false;
  for (let c = 0; c < channels; c++) {
    for (let i = 0, at = c * channel; i < pixels; i++, at += pixel) {
      const value = values[at]!;
      if (value > best[i]!) {
        best[i] = value;
        data[i] = c;
      } else if (Number.isNaN(value)) isBroken = true;
    }
  }
  if (isBroken) throw notANumber();
  return data;
}

function scoreOf(
  values: Values,
  {
    at,
    channel,
    channels,
    own,
    activation,
  }: { at: number; channel: number; channels: number; own: number; activation: SegmentationForm['activation'] },
): number {
  const value = values[at + own * channel]!;
  if (activation === 'none') return value;
  if (activation === 'sigmoid') return 1 / (1 + Math.exp(-value));
  let sum = 0;
  // The pixel's own class has the highest value, so that no power overflows.
  for (let c = 0; c < channels; c++) sum += Math.exp(values[at + c * channel]! - value);
  return 1 / sum;
}

/** The map in the size of the picture that the model's view was made from. */
export function inSource(map: ClassMap, { source, placement: { resized, crop } }: View): ClassMap {
  const columns = nearest({
    count: source.width,
    resized: resized.width,
    from: crop.left,
    seen: crop.width,
    cells: map.width,
  });
  const rows = nearest({
    count: source.height,
    resized: resized.height,
    from: crop.top,
    seen: crop.height,
    cells: map.height,
  });
  const { width, height } = source;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const to = y * width;
    const row = rows[y]!;
    if (row < 0) data.fill(NO_CLASS, to, to + width);
    else if (y > 0 && row === rows[y - 1]) data.copyWithin(to, to - width, to);
    else {
      for (let x = 0; x < width; x++) {
        const column = columns[x]!;
        data[to + x] = column < 0 ? NO_CLASS : map.data[row * map.width + column]!;
      }
    }
  }
  return { width, height, data };
}

/**
 * For each of `count` pixels of a picture the cell of the map that its centre lies in: scaled to `resized`, less `from`,
 * and `seen` of that cut into `cells`. Below 0 where it is outside. In whole numbers, so that no centre slips over a border.
 */
function nearest(axis: { count: number; resized: number; from: number; seen: number; cells: number }): Int32Array {
  const { count, resized, from, seen, cells } = axis;
  const cellsOf = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const place = (2 * i + 1) * resized - 2 * count * from;
    const cell = Math.floor((place * cells) / (2 * count * seen));
    cellsOf[i] = cell >= 0 && cell < cells ? cell : -1;
  }
  return cellsOf;
}

function notANumber(): SluiceError {
  return new SluiceError(
    'MODEL_RUN_FAILED',
    'The model answered NaN for this input. Check the model and its preprocessing.',
  );
}
