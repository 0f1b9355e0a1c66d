/** A models folder for one test file: packages copied from the project, from the fixtures, or made on the spot. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataPath } from './data.js';

export class ModelsFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-models-'));

  /** The default model. */
  digits(): this {
    cpSync('models/digits/1', join(this.path, 'digits', '1'), { recursive: true });
    return this;
  }

  fixtures(...names: string[]): this {
    for (const name of names) cpSync(join('test/fixtures/models', name), join(this.path, name), { recursive: true });
    return this;
  }

  /** SqueezeNet of the data folder: BGR, 0..255 minus the means, its output already a softmax. */
  squeezenet(): this {
    const to = join(this.path, 'squeezenet', '1');
    mkdirSync(to, { recursive: true });
    cpSync(dataPath('models/squeezenet/model.onnx'), join(to, 'model.onnx'));
    cpSync(dataPath('models/squeezenet/index_to_name.json'), join(to, 'index_to_name.json'));
    return this.manifest('squeezenet', '1', {
      task: 'image-classification',
      image: {
        resize: { shorterSide: 224 },
        crop: [224, 224],
        color: 'BGR',
        scale: 1,
        mean: [104, 117, 123],
        std: [1, 1, 1],
        layout: 'NCHW',
      },
      output: { activation: 'none', topK: 5, labels: 'index_to_name.json' },
    });
  }

  manifest(name: string, version: string, content: object): this {
    return this.file(name, version, { 'model.json': JSON.stringify({ name, version, ...content }) });
  }

  file(name: string, version: string, files: Record<string, string | Buffer>): this {
    const folder = join(this.path, name, version);
    mkdirSync(folder, { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
    return this;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
