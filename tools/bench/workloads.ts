/** What is asked of every contender: one body, its model, how many callers. */
import { access, copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { inRepository } from './repository.js';
import { makePicture } from './picture.js';

export const WORKLOAD_NAMES = ['json', 'image'] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

export interface Workload {
  name: WorkloadName;
  model: string;
  /** The package's own folder. */
  packageDir: string;
  /** The folder of packages, for a worker. */
  modelsDir: string;
  bodyFile: string;
  bodyBytes: number;
  contentType: string;
  callers: number[];
  /** Callers that warm a freshly started service up. */
  heatCallers: number;
  /** Rows of one run of the bare loop. */
  bareBatch: number;
}

export interface WorkloadSources {
  /** Where bodies that are made here may be written. */
  scratch: string;
  models: string;
  image: string | undefined;
  callers: number[] | undefined;
}

export async function prepareWorkload(name: WorkloadName, sources: WorkloadSources): Promise<Workload> {
  return name === 'json' ? jsonWorkload(sources) : imageWorkload(sources);
}

/** Overhead-bound: a row of numbers for a tiny model, as a PyTorch client sends it: `json={"input": x.tolist()}`. */
async function jsonWorkload({ callers, scratch }: WorkloadSources): Promise<Workload> {
  const modelsDir = inRepository('models');
  const bodyFile = join(scratch, 'body.json');
  const example = await readFile(inRepository('examples/digits/seven.json'), 'utf8');
  await writeFile(bodyFile, inPython(JSON.parse(example)));
  return {
    name: 'json',
    model: 'digits',
    packageDir: join(modelsDir, 'digits', '1'),
    modelsDir,
    bodyFile,
    bodyBytes: (await stat(bodyFile)).size,
    contentType: 'application/json',
    callers: callers ?? [1, 64, 256],
    heatCallers: 64,
    bareBatch: 32,
  };
}

/**
 * As Python's json.dumps writes it: blanks behind commas and colons, `0.0` for 0. The example's pixels are rounded to
 * three digits; those of ToTensor() are u8 / 255 in float32, which print with up to twenty.
 */
function inPython(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inPython).join(', ')}]`;
  if (typeof value === 'number') {
    const text = String(Math.fround(Math.round(value * 255) / 255));
    return /[.e]/.test(text) ? text : `${text}.0`;
  }
  return `{${Object.entries(value as object)
    .map(([key, member]) => `"${key}": ${inPython(member)}`)
    .join(', ')}}`;
}

/** Compute-bound: a photograph for a ResNet-18. */
async function imageWorkload({ callers, scratch, models, image }: WorkloadSources): Promise<Workload> {
  const modelsDir = resolve(models);
  const packageDir = join(modelsDir, 'resnet18', '1');
  await access(join(packageDir, 'model.onnx')).catch(() => {
    throw new Error(
      `The image workload needs resnet18, which is not in ${models}. Make it with:\n` +
        `  python tools/python/make_resnet18.py ${models}\n` +
        'or run with --workload json.',
    );
  });
  const bodyFile = join(scratch, 'body.jpg');
  if (image === undefined) await writeFile(bodyFile, await makePicture());
  else await copyFile(image, bodyFile);
  return {
    name: 'image',
    model: 'resnet18',
    packageDir,
    modelsDir,
    bodyFile,
    bodyBytes: (await stat(bodyFile)).size,
    contentType: 'image/jpeg',
    callers: callers ?? [1, 16],
    heatCallers: 8,
    bareBatch: 8,
  };
}
