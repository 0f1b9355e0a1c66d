/** Preprocessing gives the pixels and tensors that Pillow and torchvision give. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sharedData } from '../../../../../test/fixtures/packages.js';
import { decodeImage } from './decode.js';
import { bilinear } from './filter.js';
import type { PlacementSpec } from './geometry.js';
import type { Pixels } from './pixels.js';
import { place } from './place.js';
import { resample } from './resample.js';
import { toTensor } from './to-tensor.js';

interface Golden {
  source: string;
  variant: string;
  png: string;
  tensor: { sha256: string };
}

const VARIANTS: Record<string, PlacementSpec> = {
  resize224_crop224: { resize: { shorterSide: 224 }, crop: [224, 224] },
  resize256_crop224: { resize: { shorterSide: 256 }, crop: [224, 224] },
  resize224x224: { resize: { exact: [224, 224] } },
};
const IMAGENET = { scale: 0.00392156862745098, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const index = sharedData('goldens/preprocess.json');
const goldens = index ? (JSON.parse(readFileSync(index, 'utf8')) as { entries: Golden[] }).entries : [];
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const read = async (file: string): Promise<Pixels> => decodeImage(readFileSync(sharedData(file)!));

describe('the goldens', () => {
  it('are compared where the shared data set is there', () => {
    expect(goldens).toHaveLength(index ? 33 : 0);
  });

  for (const golden of goldens) {
    it(`${golden.source} with ${golden.variant} has the pixels of Pillow within 1, and the tensor of torchvision exactly`, async () => {
      const expected = await read(`goldens/${golden.png}`);
      const placed = place(await read(golden.source), { ...VARIANTS[golden.variant], color: 'RGB' });
      expect([placed.width, placed.height]).toEqual([224, 224]);
      let worst = 0;
      expected.data.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - placed.data[i]!))));
      expect(worst).toBeLessThanOrEqual(1);
      const tensor = toTensor({ ...IMAGENET, color: 'RGB', layout: 'NCHW' }, 'float32')(expected);
      expect(sha256(new Uint8Array(tensor.buffer))).toBe(golden.tensor.sha256);
    });
  }
});

describe('resampling', () => {
  const noise = (width: number, height: number, channels: 1 | 3): Pixels => {
    const data = new Uint8Array(width * height * channels);
    let state = 1;
    for (let i = 0; i < data.length; i++) data[i] = (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
    return { width, height, channels, data };
  };

  it.each([
    { from: [40, 30], to: [17, 11], channels: 3 },
    { from: [40, 30], to: [83, 61], channels: 3 },
    { from: [40, 30], to: [20, 90], channels: 1 },
    { from: [1, 1], to: [7, 5], channels: 3 },
    { from: [3, 2], to: [1, 1], channels: 1 },
    { from: [2000, 1], to: [9, 4], channels: 3 },
    { from: [1300, 900], to: [50, 40], channels: 3 },
  ] as const)('$from to $to in $channels channels is what two plain passes give', ({ from, to, channels }) => {
    const source = noise(from[0], from[1], channels);
    const [width, height] = to;
    const { data } = resample(source, { width, height }, { left: 0, top: 0, width, height });
    expect(Buffer.compare(data, plain(source, width, height))).toBe(0);
  });

  it('computes a cut-out as it is in the whole', () => {
    for (const source of [noise(90, 60, 3), noise(30, 90, 3)]) {
      const [width, height] = [55, 47];
      const whole = resample(source, { width, height }, { left: 0, top: 0, width, height });
      const part = resample(source, { width, height }, { left: 9, top: 5, width: 21, height: 30 });
      for (let y = 0; y < part.height; y++) {
        const at = ((y + 5) * width + 9) * 3;
        expect([...part.data.subarray(y * 63, (y + 1) * 63)]).toEqual([...whole.data.subarray(at, at + 63)]);
      }
    }
  });

  it('leaves a picture of the right size alone', () => {
    const source = noise(12, 9, 3);
    const region = { left: 2, top: 1, width: 4, height: 3 };
    const { data } = resample(source, source, region);
    expect(data[0]).toBe(source.data[(12 + 2) * 3]);
    expect(resample(source, source, { left: 0, top: 0, width: 12, height: 9 }).data).toEqual(source.data);
  });

  /** Pillow's algorithm without any cleverness, horizontal first. */
  function plain(source: Pixels, width: number, height: number): Uint8Array {
    const { channels } = source;
    const weightOf = (filter: ReturnType<typeof bilinear>, i: number, tap: number): number => {
      const at = (i * filter.taps + (tap & ~1)) * 2 + (tap & 1);
      return filter.weights[at]! * 2048 + filter.weights[at + 2]!;
    };
    const pass = (
      data: Uint8Array,
      size: { lines: number; from: number; to: number; step: number; line: number },
    ): Uint8Array => {
      if (size.from === size.to) return data;
      const filter = bilinear({ source: size.from, resized: size.to, from: 0, count: size.to });
      const result = new Uint8Array((data.length / size.from) * size.to);
      const outLine = size.line === 1 ? 1 : (size.line / size.from) * size.to;
      for (let line = 0; line < size.lines; line++) {
        for (let i = 0; i < size.to; i++) {
          for (let c = 0; c < (size.line === 1 ? 1 : channels); c++) {
            let sum = 2 ** 21;
            for (let tap = 0; tap < filter.taps; tap++) {
              const at = line * size.line + Math.min(filter.starts[i]! + tap, size.from - 1) * size.step + c;
              sum += weightOf(filter, i, tap) * data[at]!;
            }
            result[line * outLine + i * size.step + c] = Math.floor(sum / 2 ** 22);
          }
        }
      }
      return result;
    };
    const row = source.width * channels;
    const narrowed = pass(source.data, {
      lines: source.height,
      from: source.width,
      to: width,
      step: channels,
      line: row,
    });
    const outRow = width * channels;
    return pass(narrowed, { lines: outRow, from: source.height, to: height, step: outRow, line: 1 });
  }
});

describe('placing', () => {
  const white = (width: number, height: number): Pixels => ({
    width,
    height,
    channels: 3,
    data: new Uint8Array(width * height * 3).fill(255),
  });

  it('pads with black what a crop is larger than the picture', () => {
    const placed = place(white(2, 3), { crop: [4, 5], color: 'RGB' });
    const reds = Array.from({ length: 20 }, (_, i) => placed.data[i * 3]);
    expect([placed.width, placed.height]).toEqual([5, 4]);
    // torchvision pads 1 left and 2 right, 0 above and 1 below.
    expect(reds).toEqual([...[0, 255, 255, 0, 0], ...[0, 255, 255, 0, 0], ...[0, 255, 255, 0, 0], ...[0, 0, 0, 0, 0]]);
  });

  it('makes gray as Pillow does and keeps gray values', () => {
    const source: Pixels = {
      width: 3,
      height: 1,
      channels: 3,
      data: Uint8Array.from([255, 0, 0, 0, 255, 0, 77, 77, 77]),
    };
    expect([...place(source, { color: 'GRAY' }).data]).toEqual([76, 150, 77]);
  });

  it('refuses a picture that would become larger than any that is accepted', () => {
    const thin = { width: 1, height: 400_000, channels: 3, data: new Uint8Array(0) } as const;
    expect(() => place(thin, { resize: { shorterSide: 224 }, color: 'RGB' })).toThrow(/would become/);
  });
});

describe('the tensor', () => {
  const pixel: Pixels = { width: 1, height: 2, channels: 3, data: Uint8Array.from([1, 2, 3, 4, 5, 6]) };
  const identity = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };

  it.each([
    ['RGB', 'NCHW', [1, 4, 2, 5, 3, 6]],
    ['BGR', 'NCHW', [3, 6, 2, 5, 1, 4]],
    ['RGB', 'NHWC', [1, 2, 3, 4, 5, 6]],
    ['BGR', 'NHWC', [3, 2, 1, 6, 5, 4]],
  ] as const)('is laid out for %s and %s', (color, layout, expected) => {
    expect([...toTensor({ ...identity, color, layout }, 'float32')(pixel)]).toEqual(expected);
  });

  it('holds u8/255 rounded once', () => {
    const gray: Pixels = { width: 256, height: 1, channels: 1, data: Uint8Array.from({ length: 256 }, (_, i) => i) };
    const values = toTensor(
      { scale: 0.00392156862745098, mean: [0], std: [1], color: 'GRAY', layout: 'NCHW' },
      'float32',
    )(gray);
    expect([...values]).toEqual(Array.from({ length: 256 }, (_, i) => Math.fround(i / 255)));
  });

  it('holds float16 bits for a model of float16, means in the order of its channels', () => {
    const values = toTensor(
      { scale: 1, mean: [2, 2, 0], std: [1, 1, 1], color: 'BGR', layout: 'NHWC' },
      'float16',
    )(pixel);
    expect([...values].slice(0, 3)).toEqual([0x3c00, 0x0000, 0x3c00]);
  });
});
