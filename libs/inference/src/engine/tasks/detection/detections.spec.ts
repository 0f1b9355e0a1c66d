/** Known numbers to known boxes: every layout, box form, activation, and what is left out. */
import { toFloat16Bits } from '../../../tensor/float16.js';
import type { Tensor } from '../../../tensor/frame.js';
import type { DetectionForm, PackedLayout, SeparateLayout } from './detection-form.js';
import { detect, type Found } from './detections.js';

const floats = (name: string, shape: number[], values: number[]): Tensor => ({
  name,
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});

const SEPARATE: SeparateLayout = { kind: 'separate', boxes: 0, scores: 1, classes: 2 };
const PER_CLASS: SeparateLayout = { ...SEPARATE, classes: undefined };

function found(outputs: Tensor[], form: Partial<DetectionForm>, frame = { width: 100, height: 50 }): Found[] {
  const whole: DetectionForm = {
    layout: SEPARATE,
    boxFormat: 'xyxy',
    coordinates: 'pixels',
    activation: 'none',
    threshold: 0.5,
    maxDetections: 100,
    firstLabel: 0,
    batched: false,
    ...form,
  };
  return detect(outputs, whole, { frame, keep: () => true });
}

const torchvision = (boxes: number[][], scores: number[], labels: number[]): Tensor[] => [
  floats('boxes', [boxes.length, 4], boxes.flat()),
  floats('scores', [scores.length], scores),
  { name: 'labels', dtype: 'int64', shape: [labels.length], data: BigInt64Array.from(labels, BigInt) },
];
const near = (numbers: number[]): unknown => numbers.map((value) => expect.closeTo(value, 5) as unknown);

describe('outputs of torchvision', () => {
  const boxes = [
    [0, 0, 10, 10],
    [20, 20, 30, 30],
    [1, 1, 9, 9],
  ];

  it('become boxes from the threshold on, the best first', () => {
    expect(found(torchvision(boxes, [0.5, 0.25, 0.75], [1, 2, 3]), {})).toEqual([
      { index: 3, score: 0.75, box: [1, 1, 9, 9] },
      { index: 1, score: 0.5, box: [0, 0, 10, 10] },
    ]);
  });

  it('may be none', () => {
    expect(found(torchvision([], [], []), {})).toEqual([]);
  });

  it('keep the model’s order among equals', () => {
    const indices = found(torchvision(boxes, [0.75, 0.75, 0.75], [3, 1, 2]), {}).map(({ index }) => index);
    expect(indices).toEqual([3, 1, 2]);
  });

  it('are cut at the most that is asked for', () => {
    expect(
      found(torchvision(boxes, [0.6, 0.7, 0.8], [1, 1, 1]), { maxDetections: 2 }).map(({ score }) =>
        Math.round(score * 10),
      ),
    ).toEqual([8, 7]);
  });

  it('leave out the background, and what has no class', () => {
    const [only, ...rest] = found(torchvision(boxes, [0.9, 0.8, 0.7], [0, 5, -1]), { background: 0 });
    expect([only!.index, rest]).toEqual([5, []]);
  });

  it('may come with a batch axis of one', () => {
    const outputs = torchvision(boxes, [0.6, 0.7, 0.8], [1, 2, 3]).map((each) => ({
      ...each,
      shape: [1, ...each.shape],
    }));
    expect(found(outputs, {})).toHaveLength(3);
  });
});

describe('boxes', () => {
  const one = (box: number[]): Tensor[] => torchvision([box], [1], [0]);
  it.each<[DetectionForm['boxFormat'], DetectionForm['coordinates'], [number[], number[]]]>([
    [
      'xyxy',
      'pixels',
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
    ],
    [
      'xywh',
      'pixels',
      [
        [1, 2, 3, 4],
        [1, 2, 4, 6],
      ],
    ],
    [
      'cxcywh',
      'pixels',
      [
        [10, 20, 4, 8],
        [8, 16, 12, 24],
      ],
    ],
    [
      'xyxy',
      'fractions',
      [
        [0.25, 0.5, 0.75, 1],
        [25, 25, 75, 50],
      ],
    ],
    [
      'xywh',
      'fractions',
      [
        [0.25, 0.5, 0.5, 0.25],
        [25, 25, 75, 37.5],
      ],
    ],
    [
      'cxcywh',
      'fractions',
      [
        [0.5, 0.5, 0.5, 0.25],
        [25, 18.75, 75, 31.25],
      ],
    ],
  ])('as %s in %s', (boxFormat, coordinates, [came, expected]) => {
    expect(found(one(came), { boxFormat, coordinates })[0]!.box).toEqual(expected);
  });
});

describe('scores for each class', () => {
  const outputs = (...rows: number[][]): Tensor[] => [
    floats(
      'boxes',
      [rows.length, 4],
      rows.flatMap(() => [0, 0, 1, 1]),
    ),
    floats('scores', [rows.length, rows[0]!.length], rows.flat()),
  ];
  const layout = PER_CLASS;

  it('give the best class, of equal ones the lower', () => {
    expect(found(outputs([0.25, 0.75, 0.5], [0.625, 0.5, 0.625]), { layout })).toEqual([
      { index: 1, score: 0.75, box: [0, 0, 1, 1] },
      { index: 0, score: 0.625, box: [0, 0, 1, 1] },
    ]);
  });

  it('go through a softmax in which the background counts', () => {
    // DETR: the last class is "no object".
    const [only, ...rest] = found(outputs([1, 2, 0.5], [0, 1, 9]), { layout, activation: 'softmax', background: 2 });
    const sum = Math.exp(1) + Math.exp(2) + Math.exp(0.5);
    expect(only).toMatchObject({ index: 1, score: expect.closeTo(Math.exp(2) / sum, 9) as number });
    expect(rest).toEqual([]);
  });

  it('of a softmax of large numbers do not overflow', () => {
    expect(found(outputs([900, 1000]), { layout, activation: 'softmax' })[0]).toMatchObject({ index: 1, score: 1 });
  });

  it('go through a sigmoid each', () => {
    expect(found(outputs([-2, 1]), { layout, activation: 'sigmoid' })[0]).toMatchObject({
      index: 1,
      score: expect.closeTo(1 / (1 + Math.exp(-1)), 9) as number,
    });
  });
});

describe('one packed output', () => {
  const packed = (rest: Partial<PackedLayout>): { layout: PackedLayout; boxFormat: 'cxcywh' } => ({
    layout: { kind: 'packed', output: 0, at: { box: 0, classes: 4 }, fixed: 4, transposed: false, ...rest },
    boxFormat: 'cxcywh',
  });
  const rows = [
    [10, 10, 4, 4, 0.1, 0.9],
    [20, 20, 4, 4, 0.75, 0.2],
  ];
  const expected = [
    { index: 1, score: expect.closeTo(0.9, 6) as number, box: [8, 8, 12, 12] },
    { index: 0, score: 0.75, box: [18, 18, 22, 22] },
  ];

  it('is read by rows, and by columns where it is turned', () => {
    expect(found([floats('o', [1, 2, 6], rows.flat())], packed({}))).toEqual(expected);
    const turned = rows[0]!.flatMap((_, column) => rows.map((row) => row[column]!));
    expect(found([floats('o', [1, 6, 2], turned)], packed({ transposed: true }))).toEqual(expected);
  });

  it('weighs the class with the objectness', () => {
    const outputs = [floats('o', [2, 7], [10, 10, 4, 4, 0.5, 0.5, 1, 20, 20, 4, 4, 0.5, 0.9, 0.1])];
    const form = packed({ at: { box: 0, objectness: 4, classes: 5 }, fixed: 5 });
    expect(found(outputs, form)).toEqual([{ index: 1, score: 0.5, box: [8, 8, 12, 12] }]);
  });

  it('may name the class itself', () => {
    // As YOLOv7 ends: picture, box, label, score.
    const outputs = [floats('o', [1, 7], [0, 1, 2, 3, 4, 7, 0.75])];
    const form = { ...packed({ at: { skip: 0, box: 1, label: 5, score: 6 }, fixed: 7 }), boxFormat: 'xyxy' as const };
    expect(found(outputs, form)).toEqual([{ index: 7, score: 0.75, box: [1, 2, 3, 4] }]);
  });

  it('may have columns behind the classes', () => {
    const outputs = [floats('o', [1, 8], [9, 0.1, 0.8, 10, 10, 4, 4, 9])];
    const form = packed({ at: { classes: 1, box: -5 }, fixed: 6 });
    expect(found(outputs, form)).toEqual([{ index: 1, score: expect.closeTo(0.8, 6), box: [8, 8, 12, 12] }]);
  });

  it('may hold float16', () => {
    const bits = Uint16Array.from(rows.flat(), toFloat16Bits);
    const [first] = found([{ name: 'o', dtype: 'float16', shape: [1, 2, 6], data: bits }], packed({}));
    expect(first).toEqual({ index: 1, score: expect.closeTo(0.9, 3), box: [8, 8, 12, 12] });
  });
});

it('overlapping boxes are told once where it is asked for', () => {
  const outputs = torchvision(
    [
      [0, 0, 10, 10],
      [0, 1, 10, 11],
      [0, 0, 10, 10],
    ],
    [0.9, 0.8, 0.7],
    [1, 1, 2],
  );
  const scores = (form: Partial<DetectionForm>): number[] =>
    found(outputs, form).map(({ score }) => Math.round(score * 10));
  expect(scores({ nms: { iou: 0.5 } })).toEqual([9, 7]);
  expect(scores({ nms: { iou: 0.5 }, maxDetections: 1 })).toEqual([9]);
  expect(scores({})).toEqual([9, 8, 7]);
});

describe('an output that cannot be read', () => {
  it.each<[string, Tensor[], [Partial<DetectionForm>, RegExp]]>([
    [
      'boxes of five',
      [floats('b', [1, 5], [1, 2, 3, 4, 5]), floats('s', [1, 1], [1])],
      [{ layout: PER_CLASS }, /"b" came with shape \[1,5\]; expected \[boxes, 4\]/],
    ],
    [
      'scores of others',
      [floats('b', [1, 4], [1, 2, 3, 4]), floats('s', [2, 1], [1, 1])],
      [{ layout: PER_CLASS }, /"s" came with shape \[2,1\]; expected scores of 1 boxes/],
    ],
    [
      'classes of others',
      [...torchvision([[1, 2, 3, 4]], [1], []).slice(0, 2), floats('c', [2], [1, 1])],
      [{}, /"c" came with shape \[2\]; expected one number for each of 1 boxes/],
    ],
    [
      'two pictures',
      [floats('b', [2, 1, 4], [1, 2, 3, 4, 1, 2, 3, 4])],
      [{}, /"b" came with shape \[2,1,4\]; expected 2 axes for one picture/],
    ],
    ['a score that is no number', torchvision([[1, 2, 3, 4]], [NaN], [1]), [{}, /The model answered NaN/]],
    ['a box that is no number', torchvision([[1, NaN, 3, 4]], [1], [1]), [{}, /The model answered NaN/]],
    [
      'a class score that is no number',
      [floats('b', [1, 4], [1, 2, 3, 4]), floats('s', [1, 2], [1, NaN])],
      [{ layout: PER_CLASS }, /The model answered NaN/],
    ],
  ])('says so: %s', (_, outputs, [form, complaint]) => {
    expect(() => found(outputs, form)).toThrow(complaint);
  });
});

it('numbers below the threshold may be anything', () => {
  expect(
    found(
      torchvision(
        [
          [NaN, 0, 1, 1],
          [0, 0, 1, 1],
        ],
        [0.1, 0.9],
        [1, 1],
      ),
      {},
    )[0]!.box,
  ).toEqual(near([0, 0, 1, 1]));
});
