/** What is found at a path before anything is run: the model's file, what it says of itself, and what lies beside it. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseManifest, type Manifest } from '../../../../libs/inference/src/packages/manifest.js';
import { readOnnxHeader, type OnnxHeader } from '../../../../libs/inference/src/packages/onnx-file.js';
import { suggestedName, suggestedVersion } from '../../../../libs/inference/src/packages/ingest/naming.js';

export interface InspectedModel {
  /** The bare name of the model's file, and its bytes. */
  file: string;
  bytes: number;
  header: OnnxHeader;
  /** Files that its weights lie in, with their bytes; undefined where one is not there. */
  weights: { file: string; bytes: number | undefined }[];
  /** Names of all files beside it. */
  beside: string[];
  /** What the path says about how it is called. */
  name: string;
  version: string;
  /** Of a folder that has a model.json: what it says, or what is wrong with it. */
  manifest?: { value: Manifest } | { wrong: string };
}

const MANIFEST = 'model.json';
const NAMELESS = 'my-model';

/** @throws Error with what is wrong with the path or the file. */
export async function inspectModel(path: string): Promise<InspectedModel> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats) throw new Error(`There is no file or folder ${path}.`);
  const folder = resolve(stats.isDirectory() ? path : dirname(path));
  const beside = (await readdir(folder, { withFileTypes: true }))
    .filter((each) => each.isFile())
    .map(({ name }) => name);
  const file = stats.isDirectory() ? modelIn(path, beside) : basename(path);
  if (/\.(zip|tar|gz|tgz|mar)$/i.test(file)) {
    throw new Error(`${file} is an archive; "sluice model verify" reads those. Name the .onnx in it, or its folder.`);
  }
  const header = await readOnnxHeader(join(folder, file));
  return {
    file,
    bytes: (await stat(join(folder, file))).size,
    header,
    weights: await Promise.all(header.externalFiles.map((each) => weightsFile(folder, each))),
    beside: beside.filter((each) => each !== file),
    ...calledAs(folder, file),
    ...(stats.isDirectory() && beside.includes(MANIFEST) ? { manifest: await manifestIn(folder) } : {}),
  };
}

function modelIn(path: string, files: readonly string[]): string {
  if (files.includes('model.onnx')) return 'model.onnx';
  const found = files.filter((each) => each.endsWith('.onnx'));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length > 1) throw new Error(`${path} has ${found.length} models (${found.join(', ')}). Name one of them.`);
  const ort = files.find((each) => each.endsWith('.ort'));
  throw new Error(
    ort === undefined
      ? `${path} has no .onnx file directly in it.`
      : `${path} has ${ort}, which says nothing of itself without onnxruntime; "sluice model verify" opens it.`,
  );
}

/** As a package of this path would be called. */
function calledAs(folder: string, file: string): { name: string; version: string } {
  const version = suggestedVersion(basename(folder));
  const outer = basename(version === undefined ? folder : dirname(folder));
  return { name: suggestedName(file) ?? suggestedName(outer) ?? NAMELESS, version: version ?? '1' };
}

async function weightsFile(folder: string, file: string): Promise<{ file: string; bytes: number | undefined }> {
  // What leads elsewhere is named, and not looked at.
  const found = basename(file) === file ? await stat(join(folder, file)).catch(() => undefined) : undefined;
  return { file, bytes: found?.size };
}

async function manifestIn(folder: string): Promise<{ value: Manifest } | { wrong: string }> {
  try {
    return {
      value: parseManifest(JSON.parse((await readFile(join(folder, MANIFEST), 'utf8')).replace(/^\ufeff/, ''))),
    };
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}
