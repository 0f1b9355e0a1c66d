/** Known outputs to known classes, in the model's size and in the picture's. */
import type { Dtype } from '../../../tensor/dtype.js';
import { toFloat16Bits } from '../../../tensor/float16.js';
import type { Tensor } from '../../../tensor/frame.js';
import { placementOf, type PlacementSpec, type View } from '../../image/geometry.js';
import { wholeView } from '../../image/view.js';
import { inSource, modelMap } from './class-map.js';
import { layoutOf, type SegmentationForm } from './segmentation-form.js';

const FORM: SegmentationForm = {
  output: 0,
  batched: true,
  channelsFirst: true,
  values: undefined,
  activation: 'softmax',
  threshold: 0.5,
  confidence: false,
  form: 'png',
};
const floats = (shape: number[], values: number[]): Tensor => ({
  name: 'out',
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});
const bytes = (shape: number[], values: number[], dtype: Dtype = 'uint8'): Tensor => ({
  name: 'out',
  dtype,
  shape,
  data: Uint8Array.from(values),
});

function read(
  tensor: Tensor,
  rest: Partial<SegmentationForm> = {},
): { classes: number[]; scores: number[] | undefined } {
  const form = { ...FORM, ...rest };
  const { data, scores } = modelMap(tensor, layoutOf(tensor, form), form);
  return { classes: [...data], scores: scores && [...scores] };
}
const near = (numbers: number[]): unknown => numbers.map((value) => expect.closeTo(value, 5) as unknown);

describe('scores', () => {
  // Two pixels of three classes.
  const planar = floats([1, 3, 1, 2], [1, 4, 3, 4, 2, 0]);

  it('give the highest class, of equal ones the lower', () => {
    expect(read(planar).classes).toEqual([1, 0]);
  });

  it('may have their channels last, or be halves', () => {
    expect(read(floats([1, 1, 2, 3], [1, 3, 2, 4, 4, 0]), { channelsFirst: false }).classes).toEqual([1, 0]);
    const halves = Uint16Array.from([1, 4, 3, 4, 2, 0], toFloat16Bits);
    expect(read({ name: 'out', dtype: 'float16', shape: [1, 3, 1, 2], data: halves }).classes).toEqual([1, 0]);
  });

  it('may come without a batch axis', () => {
    expect(read({ ...planar, shape: [3, 1, 2] }, { batched: false }).classes).toEqual([1, 0]);
  });

  it('become the confidence of the class', () => {
    const e = Math.exp;
    const expected = [e(3) / (e(1) + e(3) + e(2)), e(4) / (e(4) + e(4) + e(0))];
    expect(read(planar, { confidence: true }).scores).toEqual(near(expected));
    expect(read(planar, { confidence: true, activation: 'sigmoid' }).scores).toEqual(
      near([1 / (1 + e(-3)), 1 / (1 + e(-4))]),
    );
    expect(read(planar, { confidence: true, activation: 'none' }).scores).toEqual([3, 4]);
  });

  it('of large numbers do not overflow', () => {
    expect(read(floats([1, 2, 1, 1], [1000, 900]), { confidence: true }).scores).toEqual([1]);
  });

  it('of which one is a pixel’s part two classes', () => {
    const one = { values: 'scores', confidence: true } as const;
    expect(read(floats([1, 1, 1, 3], [-1, 0, 2]), { ...one, activation: 'sigmoid' })).toEqual({
      classes: [0, 1, 1],
      scores: near([1 - 1 / (1 + Math.exp(1)), 0.5, 1 / (1 + Math.exp(-2))]),
    });
    expect(read(floats([1, 1, 3], [0.25, 0.75, 0.875]), { ...one, activation: 'none', threshold: 0.8 })).toEqual({
      classes: [0, 0, 1],
      scores: [0.75, 0.25, 0.875],
    });
  });

  it('that are no numbers fail', () => {
    expect(() => read(floats([1, 2, 1, 2], [0, 1, 0, NaN]))).toThrow(/answered NaN/);
    expect(() => read(floats([1, 1, 1, 1], [NaN]), { values: 'scores', activation: 'sigmoid' })).toThrow(
      /answered NaN/,
    );
  });
});

describe('a class map', () => {
  it.each<[string, Tensor, Partial<SegmentationForm>]>([
    ['[N, h, w]', bytes([1, 1, 3], [2, 0, 255]), {}],
    ['[N, 1, h, w]', bytes([1, 1, 1, 3], [2, 0, 255]), {}],
    ['[h, w]', bytes([1, 3], [2, 0, 255]), { batched: false }],
    ['[1, h, w] without a batch axis', bytes([1, 1, 3], [2, 0, 255]), { batched: false }],
    ['of int64', { name: 'out', dtype: 'int64', shape: [1, 1, 3], data: BigInt64Array.of(2n, 0n, 255n) }, {}],
    ['of floats', floats([1, 1, 3], [2, 0, 255]), { values: 'classes' }],
  ])('%s is taken as it is', (_, tensor, rest) => {
    expect(read(tensor, rest).classes).toEqual([2, 0, 255]);
  });

  it.each([-1, 256, NaN])('with class %d fails', (value) => {
    expect(() => read(floats([1, 1, 1], [value]), { values: 'classes' })).toThrow(
      new RegExp(`holds ${value}; classes 0 to 254 can be told, and 255 for none`),
    );
  });
});

describe('an output that is no map', () => {
  it.each<[string, Tensor, [Partial<SegmentationForm>, RegExp]]>([
    ['too few axes', floats([1, 3], [1, 2, 3]), [{ batched: true }, /\[1,3\]\) holds one number a pixel/]],
    ['too many axes', floats([1, 1, 1, 1, 1], [1]), [{}, /is no map; expected \[N, classes, height, width\]/]],
    [
      'one float a pixel',
      floats([1, 1, 1, 1], [1]),
      [{}, /say in model\.json whether output\.values are "scores" or "classes"/],
    ],
    ['a softmax of one', floats([1, 1, 1, 1], [1]), [{ values: 'scores' }, /set output\.activation to "sigmoid"/]],
    ['several classes a pixel', bytes([1, 2, 1, 1], [1, 2]), [{}, /holds 2 numbers a pixel; expected one/]],
    ['whole scores', bytes([1, 2, 1, 1], [1, 2]), [{ values: 'scores' }, /holds uint8; expected floating point/]],
    ['too many classes', floats([1, 256, 1, 1], Array<number>(256).fill(0)), [{}, /has 256 classes; at most 255/]],
    ['no scores for a confidence', bytes([1, 1, 1], [1]), [{ confidence: true }, /leave out output\.confidence/]],
  ])('says so: %s', (_, tensor, [rest, complaint]) => {
    expect(() => read(tensor, rest)).toThrow(complaint);
  });
});

describe('a map in the picture’s size', () => {
  const viewOf = (width: number, height: number, spec: PlacementSpec): View => ({
    source: { width, height },
    placement: placementOf({ width, height }, spec),
  });
  const map = { width: 2, height: 2, data: Uint8Array.of(1, 2, 3, 4) };
  const rowsOf = (view: View, from = map): string[] => {
    const { width, height, data } = inSource(from, view);
    return Array.from({ length: height }, (_, y) =>
      [...data.subarray(y * width, (y + 1) * width)].map((value) => (value === 255 ? '-' : value)).join(''),
    );
  };

  it('is the map itself where nothing was resized', () => {
    expect(rowsOf(wholeView({ width: 2, height: 2 }))).toEqual(['12', '34']);
  });

  it('is enlarged by the nearest centre', () => {
    expect(rowsOf(wholeView({ width: 5, height: 4 }))).toEqual(['11222', '11222', '33444', '33444']);
    expect(rowsOf(viewOf(4, 2, { resize: { exact: [20, 10] } }))).toEqual(['1122', '3344']);
  });

  it('is made smaller the same way', () => {
    const large = { width: 4, height: 1, data: Uint8Array.of(1, 2, 3, 4) };
    expect(rowsOf(wholeView({ width: 2, height: 1 }), large)).toEqual(['24']);
  });

  it('has no class where a crop cut it off', () => {
    expect(rowsOf(viewOf(6, 2, { crop: [2, 2] }))).toEqual(['--12--', '--34--']);
    expect(rowsOf(viewOf(4, 8, { resize: { shorterSide: 2 }, crop: [2, 2] }))).toEqual([
      '----',
      '----',
      '1122',
      '1122',
      '3344',
      '3344',
      '----',
      '----',
    ]);
  });

  it('leaves the padding of a letterbox out', () => {
    const padded = { width: 4, height: 4, data: Uint8Array.from([9, 9, 9, 9, 1, 1, 2, 2, 3, 3, 4, 4, 9, 9, 9, 9]) };
    expect(rowsOf(viewOf(4, 2, { resize: { letterbox: [4, 4], fill: 0 } }), padded)).toEqual(['1122', '3344']);
    expect(rowsOf(viewOf(4, 2, { resize: { letterbox: [16, 16], fill: 0 } }), padded)).toEqual(['1122', '3344']);
    expect(rowsOf(viewOf(4, 2, { crop: [4, 4] }), padded)).toEqual(['1122', '3344']);
  });

  it('has every pixel of a picture of any size within the map', () => {
    for (const width of [1, 3, 7, 641, 4000]) {
      const values = inSource(
        { width: 37, height: 1, data: Uint8Array.from({ length: 37 }, (_, i) => i) },
        viewOf(width, 1, { resize: { exact: [1, 513] } }),
      ).data;
      expect([...values].every((value, i) => value < 37 && (i === 0 || value >= values[i - 1]!))).toBe(true);
    }
  });
});
