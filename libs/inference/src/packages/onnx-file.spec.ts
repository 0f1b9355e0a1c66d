/** What a model's file says of itself is read without its weights, and nothing in it leads out of the package. */
import fc from 'fast-check';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { externalTensor, message, model, value, varint } from '../../../../test/fixtures/onnx-bytes.js';
import { fixtureModel } from '../../../../test/fixtures/packages.js';
import { readOnnxHeader, type OnnxHeader } from './onnx-file.js';

const folder = mkdtempSync(join(tmpdir(), 'onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(bytes: Uint8Array): Promise<OnnxHeader> {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, bytes);
  return readOnnxHeader(path);
}

describe('the header of a model', () => {
  it('is read from a file as an exporter writes it', async () => {
    expect(await readOnnxHeader('models/digits/1/model.onnx')).toMatchObject({
      irVersion: 10,
      producer: { name: 'pytorch' },
      opsets: { '': 18 },
      inputs: [{ name: 'image', kind: 'tensor', dtype: 'float32', shape: ['batch', 1, 16, 16] }],
      outputs: [{ name: 'logits', kind: 'tensor', dtype: 'float32', shape: ['batch', 10] }],
      operators: { Conv: 4, Gemm: 1, Relu: 4, Reshape: 1 },
      functions: [],
      customDomains: [],
      externalFiles: [],
    });
  });

  it('counts the operators of subgraphs too', async () => {
    const { operators } = await readOnnxHeader(join(fixtureModel('branching'), 'model.onnx'));
    expect(operators).toEqual({ Greater: 1, Hardmax: 1, If: 1, Neg: 1, ReduceSum: 1 });
  });

  it('knows kinds, types and sizes of all values', async () => {
    const of = (name: string, type: Buffer): Buffer => message([1, name], [2, type]);
    const { inputs, outputs } = await read(
      model(
        [11, value('x', ['N', 3])],
        [11, of('negative', message([1, message([1, 7], [2, message([1, Buffer.from([8, ...varint(-1n)])])])]))],
        [11, of('rankless', message([1, message([1, 16])]))],
        [11, of('newer', message([1, message([1, 99])]))],
        [12, of('list', message([4, message([1, message([1, message([1, 1])])])]))],
        [12, of('map', message([5, message([1, 7])]))],
        [12, of('maybe', message([9, message()]))],
        [12, value('y', [])],
      ),
    );
    expect(inputs).toEqual([
      { name: 'x', kind: 'tensor', dtype: 'float32', shape: ['N', 3] },
      { name: 'negative', kind: 'tensor', dtype: 'int64', shape: [null] },
      { name: 'rankless', kind: 'tensor', dtype: 'bfloat16' },
      { name: 'newer', kind: 'tensor', dtype: 'type 99' },
    ]);
    expect(outputs).toEqual([
      { name: 'list', kind: 'sequence' },
      { name: 'map', kind: 'map' },
      { name: 'maybe', kind: 'optional' },
      { name: 'y', kind: 'tensor', dtype: 'float32', shape: [] },
    ]);
  });

  it('does not take weights for inputs, as old files list them', async () => {
    const { inputs } = await read(model([5, message([8, 'w'])], [11, value('w', [3])], [11, value('x', [1, 3])]));
    expect(inputs.map(({ name }) => name)).toEqual(['x']);
  });

  it('tells functions of the file and foreign domains apart', async () => {
    const node = (operator: string, domain: string): Buffer => message([4, operator], [7, domain]);
    const header = await read(
      Buffer.concat([
        model([1, node('Mine', 'own')], [1, node('Gelu', 'com.microsoft')], [1, node('Magic', 'acme')]),
        message([25, message([1, 'Mine'], [10, 'own'], [7, node('Secret', 'hidden')])]),
        message([14, message([1, 'names'], [2, 'cat'])], [14, message([1, '__proto__'], [2, 'x'])]),
        message([14, message([1, 'novel'], [2, 'x'.repeat(65_537)])]),
      ]),
    );
    expect(header.functions).toEqual(['own.Mine']);
    expect(header.customDomains).toEqual(['acme', 'hidden']);
    expect(Object.keys(header.operators)).toEqual(['acme.Magic', 'com.microsoft.Gelu', 'hidden.Secret', 'own.Mine']);
    expect(Object.entries(header.metadata)).toEqual([
      ['names', 'cat'],
      ['__proto__', 'x'],
    ]);
  });
});

describe('weights in files of their own', () => {
  const tensor = externalTensor('secret.bin');
  const attribute = (field: number, content: Buffer): [number, Buffer] => [
    1,
    message([4, 'Constant'], [5, message([1, 'value'], [field, content])]),
  ];
  const subgraph = message([5, tensor]);

  it.each<[string, Buffer]>([
    ['an initializer', model([5, tensor])],
    ['a graph in two pieces', Buffer.concat([model(), message([7, message([5, tensor])])])],
    ['an attribute', model(attribute(5, tensor))],
    ['an attribute of several', model(attribute(10, tensor))],
    ['a subgraph', model(attribute(6, subgraph))],
    ['one of several subgraphs', model(attribute(11, subgraph))],
    ['a subgraph in a subgraph', model(attribute(6, message(attribute(6, subgraph))))],
    ['values of a sparse initializer', model([15, message([1, tensor])])],
    ['indices of a sparse initializer', model([15, message([2, tensor])])],
    ['a sparse initializer of a subgraph', model(attribute(6, message([15, message([1, tensor])])))],
    ['a sparse attribute', model(attribute(22, message([1, tensor])))],
    ['a sparse attribute of several', model(attribute(23, message([2, tensor])))],
    ['a function', Buffer.concat([model(), message([25, message([7, attribute(5, tensor)[1]])])])],
    ['a default of a function', Buffer.concat([model(), message([25, message([11, message([10, tensor])])])])],
    ['a training graph', Buffer.concat([model(), message([20, message([1, subgraph])])])],
    ['a second training graph', Buffer.concat([model(), message([20, message([2, subgraph])])])],
    ['an entry with its value first', model([5, message([13, message([2, 'secret.bin'], [1, 'location'])])])],
    [
      'the second of two entries',
      model([5, message([13, message([1, 'location'], [2, 'secret.bin'])], [13, message([1, 'location'])])]),
    ],
  ])('are found in %s', async (_, bytes) => {
    expect((await read(bytes)).externalFiles).toContain('secret.bin');
  });

  it('are named once each, in order', async () => {
    const bytes = model([5, externalTensor('b')], [5, externalTensor('a')], [5, externalTensor('b')]);
    expect((await read(bytes)).externalFiles).toEqual(['a', 'b']);
  });

  it('may not lie in thousands of files', async () => {
    const many = Array.from({ length: 4097 }, (_, i): [number, Buffer] => [5, externalTensor(`${i}`)]);
    await expect(read(model(...many))).rejects.toThrow(/weights lie in more than 4096 files/);
  });
});

describe('a file that is no model', () => {
  it.each<[string, Buffer | string, RegExp]>([
    ['empty', '', /^model\.onnx is empty \(0 bytes\)/],
    ['a zip', 'PK\x03\x04torch', /is a zip archive, as torch\.save writes/],
    ['a pointer', 'version https://git-lfs.github.com/spec/v1\n', /is a Git LFS pointer/],
    ['a page', '<!DOCTYPE html><html>', /is a web page/],
    ['an ORT model', '\x10\0\0\0ORTM', /is in the ORT format\. Call it model\.ort/],
    ['text', 'hello', /reaches beyond its end|does not end|kind/],
    ['another message', message([1, 8]), /there is no graph in it/],
    ['nothing but noughts', Buffer.alloc(1000), /no valid number \(at byte 0\)/],
    ['cut short', readFileSync('models/digits/1/model.onnx').subarray(0, 20_000), /reaches beyond its end/],
    ['a group', Buffer.from([0x0b, 0x0c]), /of a kind \(3\) that ONNX does not use/],
    ['an endless number', Buffer.alloc(40, 0xff), /a number does not end/],
    ['a long name', model([11, message([1, 'x'.repeat(65_537)])]), /a name has 65537 bytes/],
  ])('%s says so', async (_, bytes, complaint) => {
    await expect(read(Buffer.from(bytes))).rejects.toThrow(complaint);
  });

  it('nests only so deep', async () => {
    let graph = message([2, 'innermost']);
    for (let i = 0; i < 40; i++) graph = message([1, message([5, message([6, graph])])]);
    await expect(read(message([7, graph]))).rejects.toThrow(/nests deeper than 100 levels/);
  });

  it('cannot fill the memory with names', async () => {
    const entry = message([13, message([1, 'x'.repeat(60_000)])]);
    const tensor = Buffer.concat(Array.from({ length: 1200 }, () => entry));
    await expect(read(model([5, tensor]))).rejects.toThrow(/names and texts have more than/);
    // The same in many tensors is forgotten with each of them.
    await expect(
      read(model(...Array.from({ length: 1200 }, () => [5, entry] as [number, Buffer]))),
    ).resolves.toBeDefined();
  });

  it('fails with a sentence wherever it is damaged or cut', async () => {
    const whole = readFileSync(join(fixtureModel('branching'), 'model.onnx'));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), async (at, byte, cut) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        const error = await read(cut ? bytes.subarray(0, at) : bytes).then(
          () => undefined,
          (reason: unknown) => reason as Error,
        );
        if (error) expect(error.message).toMatch(/^model\.onnx is /);
      }),
      { numRuns: 300, seed: 4 },
    );
  });
});

it('weights of gigabytes are passed over', async () => {
  const path = join(folder, 'large.onnx');
  const file = openSync(path, 'w');
  try {
    const bytes = 3 * 2 ** 30;
    const head = Buffer.concat([varint(9 * 8 + 2), varint(bytes)]);
    const graph = Buffer.concat([varint(5 * 8 + 2), varint(head.length + bytes), head]);
    const tail = message([12, value('y', ['N'])]);
    const length = graph.length + bytes + tail.length;
    const start = Buffer.concat([varint(7 * 8 + 2), varint(length), graph]);
    writeSync(file, start, 0, start.length, 0);
    // A hole: it takes no room on the disk.
    ftruncateSync(file, start.length + bytes);
    writeSync(file, tail, 0, tail.length, start.length + bytes);
  } finally {
    closeSync(file);
  }
  // More than a buffer can hold.
  expect((await readOnnxHeader(path)).outputs.map(({ name }) => name)).toEqual(['y']);
});
