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
