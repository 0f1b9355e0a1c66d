/** What models look like, and which model.json is proposed for them. */
import { parseManifest, type OnnxHeader, type OnnxValue } from '#inference';
import type { InspectedModel } from './inspected-model.js';
import { propose } from './proposal.js';

const value = (name: string, shape: OnnxValue['shape'], dtype = 'float32'): OnnxValue => ({
  name,
  kind: 'tensor',
  dtype,
  ...(shape && { shape }),
});
const ids = value('input_ids', ['N', 'L'], 'int64');
const mask = value('attention_mask', ['N', 'L'], 'int64');

function modelOf(inputs: OnnxValue[], outputs: OnnxValue[], more: Partial<InspectedModel> = {}): InspectedModel {
  const header: OnnxHeader = {
    irVersion: 8,
    producer: { name: '', version: '' },
    opsets: { '': 17 },
    inputs,
    outputs,
    metadata: {},
    operators: {},
    functions: [],
    customDomains: [],
    externalFiles: [],
  };
  return { file: 'net.onnx', bytes: 1, header, weights: [], beside: [], name: 'net', version: '1', ...more };
}

const picture = value('input', ['N', 3, 224, 224]);
const logits = value('logits', ['N', 1000]);

const LOOKS: [string, InspectedModel, object][] = [
  [
    'a classifier of ImageNet',
    modelOf([picture], [logits], { beside: ['labels.json', 'readme.md'] }),
    {
      task: 'image-classification',
      image: { resize: { shorterSide: 256 }, crop: [224, 224], color: 'RGB', mean: [0.485, 0.456, 0.406] },
      output: { activation: 'softmax', labels: 'labels.json' },
    },
  ],
  [
    'one of gray pictures in NHWC, that ends in a softmax',
    modelOf([value('x', [1, 28, 32, 1])], [value('probabilities', [1, 10])]),
    {
      task: 'image-classification',
      image: { resize: { exact: [28, 32] }, color: 'GRAY', layout: 'NHWC' },
      output: { activation: 'none' },
    },
  ],
  [
    'one of any size, with its classes in two more axes',
    modelOf([value('x', ['N', 3, null, 'W'], 'float16')], [value('y', ['N', 10, 1, 1])]),
    { task: 'image-classification', image: { crop: [224, 224] } },
  ],
  [
    'a sentence embedding from vectors of tokens',
    modelOf([ids, mask], [value('last_hidden_state', ['N', 'L', 384]), value('other', ['N', 384])]),
    { task: 'embedding', embedding: { pooling: 'mean', output: 'last_hidden_state' } },
  ],
  [
    'one that is pooled already',
    modelOf([ids, mask], [value('token_embeddings', ['N', 'L', 384]), value('sentence_embedding', ['N', 384])]),
    { task: 'embedding', embedding: { pooling: 'none', output: 'sentence_embedding' } },
  ],
  [
    'a classifier of texts',
    modelOf([ids, mask], [value('logits', ['N', 3])]),
    { task: 'text-classification', output: { activation: 'softmax' } },
  ],
  [
    'one score a text',
    modelOf([ids, mask], [value('logits', ['N', 1])]),
    { task: 'text-classification', output: { activation: 'sigmoid' } },
  ],
  [
    'a detector of torchvision',
    modelOf(
      [value('images', [3, 'h', 'w'])],
      [value('boxes', ['n', 4]), value('labels', ['n'], 'int64'), value('scores', ['n'])],
      { beside: ['labels.json'] },
    ),
    { task: 'object-detection', image: { scale: 1 / 255 }, output: { firstLabel: 1, labels: 'labels.json' } },
  ],
  [
    'DETR',
    modelOf([value('x', ['N', 3, 800, 800])], [value('logits', ['N', 100, 92]), value('pred_boxes', ['N', 100, 4])]),
    {
      task: 'object-detection',
      image: { resize: { exact: [800, 800] } },
      output: { boxes: 'pred_boxes', scores: 'logits', boxFormat: 'cxcywh', activation: 'softmax', background: 91 },
    },
  ],
  [
    'boxes, scores and classes by other names',
    modelOf(
      [picture],
      [value('det_boxes', ['N', 10, 4]), value('det_scores', ['N', 10]), value('det_classes', ['N', 10], 'int64')],
    ),
    {
      task: 'object-detection',
      output: { boxes: 'det_boxes', scores: 'det_scores', classes: 'det_classes', boxFormat: 'xyxy' },
    },
  ],
  [
    'YOLOv8',
    modelOf([value('images', ['N', 3, 640, 640])], [value('output0', ['N', 84, 8400])]),
    {
      task: 'object-detection',
      image: { resize: { letterbox: [640, 640], fill: 114 } },
      output: { packed: { columns: ['box', 'classes'], transposed: true }, boxFormat: 'cxcywh', nms: { iou: 0.7 } },
    },
  ],
  [
    'YOLOv5 of any size',
    modelOf([value('images', ['N', 3, 'h', 'w'])], [value('output0', ['N', 'boxes', 85])]),
    { task: 'object-detection', output: { packed: { columns: ['box', 'objectness', 'classes'] } } },
  ],
  [
    'a YOLO that ends in its own suppression',
    modelOf([value('images', ['N', 3, 640, 640])], [value('output0', ['N', 300, 6])]),
    { task: 'object-detection', output: { packed: { columns: ['box', 'score', 'label'] }, boxFormat: 'xyxy' } },
  ],
  [
    'a segmenter of any size',
    modelOf([value('x', ['N', 3, 'h', 'w'])], [value('out', ['N', 21, 'h', 'w'])]),
    { task: 'image-segmentation', image: { resize: { shorterSide: 520 } }, output: { activation: 'softmax' } },
  ],
  [
    'one that sees a quarter of the pixels',
    modelOf([value('x', [1, 3, 512, 512])], [value('logits', [1, 150, 128, 128])]),
    { task: 'image-segmentation', image: { resize: { exact: [512, 512] } } },
  ],
  [
    'one score a pixel',
    modelOf([value('x', ['N', 1, 64, 64])], [value('mask', ['N', 1, 64, 64])]),
    { task: 'image-segmentation', output: { values: 'scores', activation: 'sigmoid' } },
  ],
  [
    'a map of classes',
    modelOf([picture], [value('classes', ['N', 224, 224], 'int64')]),
    { task: 'image-segmentation', image: { resize: { exact: [224, 224] } } },
  ],
  ['pictures to pictures', modelOf([picture], [value('y', ['N', 3, 224, 224])]), { task: 'tensor' }],
  ['pictures to vectors of patches', modelOf([picture], [value('y', ['N', 197, 768])]), { task: 'tensor' }],
  ['one picture to scores, without a batch axis', modelOf([value('x', [3, 8, 8])], [logits]), { task: 'tensor' }],
  ['tables', modelOf([value('x', ['N', 30])], [value('y', ['N', 2])]), { task: 'tensor' }],
  ['pictures to one number', modelOf([picture], [value('y', ['N', 1])]), { task: 'tensor' }],
  ['pictures and something else', modelOf([picture, value('x', ['N', 2])], [logits]), { task: 'tensor' }],
  ['five channels', modelOf([value('x', ['N', 5, 8, 8])], [logits]), { task: 'tensor' }],
  ['no shapes at all', modelOf([value('x', undefined)], [value('y', undefined)]), { task: 'tensor' }],
  ['nothing', modelOf([], []), { task: 'tensor' }],
];

it.each(LOOKS)('%s', (_, model, expected) => {
  const { manifest, guesses } = propose(model);
  expect(parseManifest(manifest)).toMatchObject({ name: 'net', version: '1', ...expected });
  expect(guesses[0]).toMatch(/^task: /);
  for (const guess of guesses) expect(guess).toMatch(/^[a-zA-Z., ]+: [^\n]{10,130}$/);
});

it('names what has to be put beside a model', () => {
  const text = modelOf([ids, mask], [value('logits', ['N', 2])]);
  expect(propose(text).guesses).toContainEqual(expect.stringMatching(/^tokenizer\.json: it is not there/));
  expect(propose({ ...text, beside: ['tokenizer.json'] }).guesses.join()).not.toMatch(/tokenizer/);
  expect(propose(text).guesses).toContainEqual(expect.stringMatching(/^output\.labels: left out; the 2 class names/));
});
