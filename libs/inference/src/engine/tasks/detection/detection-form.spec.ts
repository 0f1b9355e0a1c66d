/** What model.json leaves open of a detector is read from the model, or asked for by name. */
import type { TensorSpec } from '../../../contract/model-description.js';
import { parseManifest, type ManifestOf } from '../../../packages/manifest.js';
import { detectionFormOf, type DetectionForm } from './detection-form.js';

type Shape = TensorSpec['shape'];
const output = (name: string, shape: Shape, dtype: TensorSpec['dtype'] = 'float32'): TensorSpec => ({
  name,
  dtype,
  shape,
});
const TORCHVISION = [output('boxes', [null, 4]), output('labels', [null], 'int64'), output('scores', [null])];
const SAID = { boxFormat: 'cxcywh', coordinates: 'pixels' };

interface Case {
  said?: object;
  outputs: TensorSpec[];
  labels?: string[];
  input?: Shape;
}

function formOf({ said = {}, outputs, labels, input = [null, 3, 8, 8] }: Case): DetectionForm {
  const raw = { name: 'm', version: '1', task: 'object-detection', image: {}, output: said };
  const manifest = parseManifest(raw) as ManifestOf<'object-detection'>;
  return detectionFormOf({
    manifest,
    outputs,
    labels,
    tokenizer: undefined,
    batched: true,
    inputs: [{ shape: input }],
  });
}

const packed = (columns: string[], rest: object = {}): object => ({ ...SAID, packed: { columns, ...rest } });

describe('outputs with torchvision’s names', () => {
  it('need nothing said, in whatever order they come', () => {
    expect(formOf({ outputs: TORCHVISION })).toMatchObject({
      layout: { kind: 'separate', boxes: 0, classes: 1, scores: 2 },
      boxFormat: 'xyxy',
      coordinates: 'pixels',
      activation: 'none',
      batched: false,
    });
    const masks = output('masks', [null, 1, 8, 8]);
    expect(formOf({ outputs: [masks, TORCHVISION[2]!, TORCHVISION[0]!, TORCHVISION[1]!] }).layout).toEqual({
      kind: 'separate',
      boxes: 2,
      classes: 3,
      scores: 1,
    });
  });

  it('may be said to hold something else', () => {
    expect(formOf({ outputs: TORCHVISION, said: { coordinates: 'fractions' } }).coordinates).toBe('fractions');
  });
});

describe('a batch axis', () => {
  const batched = [output('b', [null, 9, 4]), output('s', [null, 9, 3])];
  const said = { boxes: 'b', scores: 's', ...SAID };

  it('is where the boxes have one', () => {
    expect(formOf({ outputs: batched, said }).batched).toBe(true);
    expect(formOf({ outputs: [output('o', [null, 9, 6])], said: packed(['box', 'score', 'label']) }).batched).toBe(
      true,
    );
    expect(formOf({ outputs: [output('o', [null, 6])], said: packed(['box', 'score', 'label']) }).batched).toBe(false);
  });

  it('is not where the rank is open, or the input has none', () => {
    expect(formOf({ outputs: [output('b', []), output('s', [])], said }).batched).toBe(false);
    expect(formOf({ outputs: batched, said, input: [null, 8, 3] }).batched).toBe(false);
  });
});

describe('a packed output', () => {
  const yolo = output('o', [null, 84, 8400]);
  const labels = Array.from({ length: 80 }, (_, i) => `class ${i}`);

  it('is turned where only its first axis has the right length', () => {
    expect(formOf({ outputs: [yolo], said: packed(['box', 'classes']), labels }).layout).toEqual({
      kind: 'packed',
      output: 0,
      at: { box: 0, classes: 4 },
      fixed: 4,
      transposed: true,
    });
    const rows = formOf({
      outputs: [output('o', [null, 25200, 85])],
      said: packed(['box', 'objectness', 'classes']),
      labels,
    });
    expect(rows.layout).toMatchObject({ transposed: false, at: { box: 0, objectness: 4, classes: 5 } });
    expect(
      formOf({ outputs: [output('o', [null, 300, 6])], said: packed(['box', 'score', 'label']) }).layout,
    ).toMatchObject({
      transposed: false,
      at: { box: 0, score: 4, label: 5 },
    });
  });

  it('counts columns behind the classes from the end', () => {
    const said = packed(['skip', 'classes', 'box', 'skip'], { transposed: true });
    expect(formOf({ outputs: [output('o', [null, 90, 7])], said }).layout).toMatchObject({
      fixed: 6,
      at: { classes: 1, box: -5 },
    });
  });

  it('is found by its name', () => {
    const outputs = [output('features', [null, 5]), yolo];
    const said = packed(['box', 'classes'], { output: 'o', transposed: true });
    expect(formOf({ outputs, said }).layout).toMatchObject({ output: 1 });
  });

  it.each<[string, Case, RegExp]>([
    [
      'without labels, as the number of classes is open',
      { outputs: [yolo], said: packed(['box', 'classes']) },
      /output\.packed\.transposed: came nothing, .* "o" is \[\?,84,8400\], and without labels it is open/,
    ],
    [
      'with two axes that fit',
      { outputs: [output('o', [null, 6, 6])], said: packed(['box', 'score', 'label']) },
      /output\.packed\.transposed: came nothing, .* and a box takes 6 numbers/,
    ],
    [
      'with an axis of the wrong length',
      { outputs: [output('o', [null, 300, 7])], said: packed(['box', 'score', 'label'], { transposed: false }) },
      /output\.packed\.columns: they take 6 numbers a box; "o" is \[\?,300,7\], which has 7/,
    ],
    [
      'with too few axes',
      { outputs: [output('o', [null])], said: packed(['box', 'classes']) },
      /output\.packed: "o" is \[\?\]; expected \[boxes, columns\]/,
    ],
    [
      'of another name',
      { outputs: [yolo], said: packed(['box', 'classes'], { output: 'p' }) },
      /output\.packed\.output: came "p", expected an output of the model; the model has "o" \(float32 \[\?,84,8400\]\)/,
    ],
    [
      'of whole numbers',
      { outputs: [output('o', [null, 9, 6], 'int64')], said: packed(['box', 'score', 'label'], { output: 'o' }) },
      /output\.packed\.output: "o" holds int64; expected floating point/,
    ],
  ])('is refused %s', (_, each, complaint) => {
    expect(() => formOf(each)).toThrow(complaint);
  });
});

describe('separate outputs', () => {
  const detr = [output('logits', [null, 100, 4]), output('pred_boxes', [null, 100, 4])];
  const said = { boxes: 'pred_boxes', scores: 'logits', boxFormat: 'cxcywh', coordinates: 'fractions' };

  it.each<[string, Case, RegExp]>([
    [
      'nothing is said',
      { outputs: detr },
      /output\.boxes or output\.packed: came nothing, .*"logits" \(float32 \[\?,100,4\]\), "pred_boxes"/,
    ],
    [
      'the form is not said',
      { outputs: detr, said: { ...said, boxFormat: undefined } },
      /output\.boxFormat: came nothing, expected "xyxy"/,
    ],
    [
      'the unit is not said',
      { outputs: detr, said: { ...said, coordinates: undefined } },
      /output\.coordinates: came nothing, expected "pixels"/,
    ],
    [
      'there is no such output',
      { outputs: detr, said: { ...said, scores: 'prob' } },
      /output\.scores: came "prob", expected an output of the model/,
    ],
    [
      'boxes are no boxes',
      { outputs: [output('logits', [null, 100, 4]), output('pred_boxes', [null, 100, 5])], said },
      /"pred_boxes" is \[\?,100,5\]; expected \[boxes, 4\]/,
    ],
    [
      'there is one score a box and no class',
      { outputs: [output('logits', [null, 100]), detr[1]!], said },
      /expected scores for each class of each box.* Name the output with the class/,
    ],
    [
      'there are scores for each class and a class',
      { outputs: [...detr, output('c', [null, 100], 'int64')], said: { ...said, classes: 'c' } },
      /expected one score a box, as "pred_boxes"/,
    ],
    [
      'one score is to have a softmax',
      { outputs: TORCHVISION, said: { activation: 'softmax' } },
      /output\.activation: came "softmax", which needs scores for each class/,
    ],
  ])('are refused where %s', (_, each, complaint) => {
    expect(() => formOf(each)).toThrow(complaint);
  });

  const named = (first: number, count: number): string[] => {
    const labels: string[] = [];
    for (let i = 0; i < count; i++) labels[first + i] = `class ${first + i}`;
    return labels;
  };

  it.each<[string, string[], object]>([
    ['for each class', named(0, 4), {}],
    ['for all but a background in front', named(1, 3), { firstLabel: 1, background: 0 }],
    ['for all but a background behind', named(0, 3), { background: 3 }],
    ['for some, by index', { length: 4, 0: 'a', 3: 'd' } as unknown as string[], {}],
  ])('take labels %s', (_, labels, rest) => {
    const list = Array.isArray(labels) ? labels : Object.assign([], labels);
    expect(formOf({ outputs: detr, said: { ...said, ...rest }, labels: list }).layout).toBeDefined();
  });

  it.each<[string, string[], object]>([
    ['too few', named(0, 3), {}],
    ['too many', named(0, 5), {}],
    ['from the wrong class on', named(1, 3), { firstLabel: 1 }],
    ['beyond the last class', named(1, 4), { firstLabel: 1, background: 0 }],
  ])('do not take %s labels', (_, labels, rest) => {
    expect(() => formOf({ outputs: detr, said: { ...said, ...rest }, labels })).toThrow(
      /output\.labels: the file names the classes \d to \d; the model has the classes 0 to 3/,
    );
  });
});
