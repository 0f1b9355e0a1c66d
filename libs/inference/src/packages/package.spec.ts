/** A package is what its folder plainly holds, and what model.json says it holds. */
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { externalTensor, model as onnx } from '../../../../test/fixtures/onnx-bytes.js';
import { fixtureModel, TemporaryPackages } from '../../../../test/fixtures/packages.js';
import { openPackage } from './package.js';

const model = join(fixtureModel('add'), 'model.onnx');
const sum = `sha256-${createHash('sha256').update(readFileSync(model)).digest('hex')}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('a package', () => {
  const packages = new TemporaryPackages();
  afterAll(() => packages.remove());

  it('without model.json is a tensor model named after its folders', async () => {
    const opened = await openPackage(fixtureModel('add'));
    expect(opened.manifest).toMatchObject({ name: 'add', version: '1', task: 'tensor' });
    expect(opened.checksum).toMatch(/^[0-9a-f]{64}$/);
  });

  it('has a checksum that follows its contents', async () => {
    const plain = await openPackage(packages.make('sum-a', { 'model.onnx': model }));
    const described = await openPackage(packages.make('sum-b', { 'model.onnx': model }, {}));
    const other = await openPackage(
      packages.make('sum-c', { 'model.onnx': join(fixtureModel('multi'), 'model.onnx') }),
    );
    expect(new Set([plain.checksum, described.checksum, other.checksum]).size).toBe(3);
    expect((await openPackage(packages.make('sum-d', { 'model.onnx': model }))).checksum).toBe(plain.checksum);
  });

  it.each([[['cat', 'dog']], [{ 0: 'cat', 1: 'dog' }], [{ 1: ['n02', 'dog'], 0: ['n01', 'cat'] }]])(
    'reads labels from %j',
    async (labels) => {
      const folder = packages.make(
        'labelled',
        { 'model.onnx': model, 'l.json': json(labels) },
        { output: { labels: 'l.json' } },
      );
      expect((await openPackage(folder)).labels).toEqual(['cat', 'dog']);
    },
  );

  it.each([
    [{ 0: 'cat', 2: 'dog' }, /class index "2", expected each of 0 to 1 once/],
    [['cat', 5], /class 1: came 5, expected a name/],
    ['cat', /expected an array of names or an object/],
  ])('refuses the labels %j', async (labels, message) => {
    const folder = packages.make(
      'mislabelled',
      { 'model.onnx': model, 'l.json': json(labels) },
      { output: { labels: 'l.json' } },
    );
    await expect(openPackage(folder)).rejects.toThrow(message);
  });

  it.each(['cat\ndog\n', '\ufeffcat\r\ndog', ' cat \ndog\n\n'])('reads labels from the lines %j', async (lines) => {
    const files = { 'model.onnx': model, 'l.txt': Buffer.from(lines) };
    const folder = packages.make('lines', files, { output: { labels: 'l.txt' } });
    expect((await openPackage(folder)).labels).toEqual(['cat', 'dog']);
  });

  it('refuses lines of labels with a hole', async () => {
    const files = { 'model.onnx': model, 'l.txt': Buffer.from('cat\n\ndog') };
    const folder = packages.make('hole', files, { output: { labels: 'l.txt' } });
    await expect(openPackage(folder)).rejects.toThrow('l.txt: line 2 is empty, expected one name a line.');
  });

  it('holds exactly the declared files', async () => {
    const right = packages.make('declared', { 'model.onnx': model }, { files: { 'model.onnx': sum } });
    await expect(openPackage(right)).resolves.toBeDefined();
    const wrong = packages.make(
      'tampered',
      { 'model.onnx': model },
      { files: { 'model.onnx': sum.replace(/.$/, 'x').replace('x', sum.endsWith('0') ? '1' : '0') } },
    );
    await expect(openPackage(wrong)).rejects.toThrow(/model\.onnx is not the file that model\.json describes/);
    const missing = packages.make('incomplete', { 'model.onnx': model }, { files: { 'weights.bin': sum } });
    await expect(openPackage(missing)).rejects.toThrow(/weights\.bin is missing/);
  });

  it('must have a model, and the name of its folder', async () => {
    await expect(openPackage(packages.make('empty', {}))).rejects.toThrow(
      /no model file; expected model\.onnx or model\.ort/,
    );
    const misnamed = packages.make('misnamed', {
      'model.onnx': model,
      'model.json': json({ name: 'other', version: '1' }),
    });
    await expect(openPackage(misnamed)).rejects.toThrow('name: came "other", expected "misnamed"');
    await expect(openPackage(packages.make('UPPER', { 'model.onnx': model }))).rejects.toThrow(/came "UPPER\/1"/);
  });

  it('may call its only model as it likes', async () => {
    const { modelPath } = await openPackage(packages.make('own-name', { 'resnet.onnx': model }));
    expect(basename(modelPath)).toBe('resnet.onnx');
    const preferred = await openPackage(packages.make('two-names', { 'model.onnx': model, 'other.onnx': model }));
    expect(basename(preferred.modelPath)).toBe('model.onnx');
    const unclear = packages.make('unclear', { 'b.onnx': model, 'a.ort': model });
    await expect(openPackage(unclear)).rejects.toThrow('has 2 model files (a.ort, b.onnx); expected one');
  });

  it('says of broken JSON which file it is, without a path', async () => {
    const folder = packages.make('broken', { 'model.onnx': model, 'model.json': Buffer.from('{"name": ') });
    const error = await openPackage(folder).catch((reason: unknown) => reason as Error);
    expect((error as Error).message).toMatch(/^model\.json is not JSON/);
    expect((error as Error).message).not.toContain(dirname(folder));
  });

  it('has no links and no folders in place of files', async () => {
    const linked = packages.make('linked', {});
    symlinkSync(model, join(linked, 'model.onnx'));
    await expect(openPackage(linked)).rejects.toThrow(/model\.onnx is a link or a folder/);
    const hard = packages.make('hard-linked', {});
    writeFileSync(join(hard, '../outside'), 'x');
    linkSync(join(hard, '../outside'), join(hard, 'model.onnx'));
    await expect(openPackage(hard)).rejects.toThrow(/model\.onnx is hard-linked/);
    const folder = packages.make('foldered', {});
    mkdirSync(join(folder, 'model.onnx'));
    await expect(openPackage(folder)).rejects.toThrow(/model\.onnx is a link or a folder/);
  });
});

describe('weights beside the model', () => {
  const packages = new TemporaryPackages();
  afterAll(() => packages.remove());
  const file = (name: string): string => join(fixtureModel('external_weights'), name);

  it('belong to the checksum', async () => {
    const whole = { 'model.onnx': file('model.onnx'), 'model.onnx.data': file('model.onnx.data') };
    const sums = [
      await openPackage(packages.make('whole', whole)),
      await openPackage(packages.make('changed', { ...whole, 'model.onnx.data': Buffer.alloc(12) })),
    ];
    expect(sums[0]!.checksum).not.toBe(sums[1]!.checksum);
    expect(sums[0]!.checksum).toBe((await openPackage(fixtureModel('external_weights'))).checksum);
  });

  it('must be there, as a plain file', async () => {
    const alone = packages.make('alone', { 'model.onnx': file('model.onnx') });
    await expect(openPackage(alone)).rejects.toThrow(
      'model.onnx has weights in model.onnx.data, which is missing from the package',
    );
    symlinkSync(file('model.onnx.data'), join(alone, 'model.onnx.data'));
    await expect(openPackage(alone)).rejects.toThrow(/model\.onnx\.data is a link or a folder/);
  });

  it.each(['../outside', '/etc/passwd', 'C:\\w', 'a/b', './w', '..', '', '*/_ORT_MEM_ADDR_/*'])(
    'may not lie in %j',
    async (location) => {
      const folder = packages.make('elsewhere', { 'model.onnx': onnx([5, externalTensor(location)]) });
      writeFileSync(join(folder, '../outside'), 'secret');
      await expect(openPackage(folder)).rejects.toThrow(
        `model.onnx looks for weights in ${JSON.stringify(location)}; expected a bare file name`,
      );
    },
  );
});
