/**
 * A model package on disk: `<name>/<version>/` with a model file, and perhaps model.json, labels, weights in files of
 * their own and other data.
 *
 * Invariants: only plain files directly inside the folder, or its folder of samples, are ever opened, by onnxruntime too:
 * where a model's weights lie is read from its file first; every file whose sha256 model.json states is compared with
 * it; messages name files by their name in the package.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MODEL_NAME, MODEL_VERSION } from '../contract/model-description.js';
import { SAMPLES } from './file-name.js';
import { labelLines, parseLabels, type LabelRules } from './labels.js';
import { BARE_NAME } from './manifest/fields.js';
import { defaultManifest, parseManifest, type Manifest } from './manifest.js';
import { readOnnxHeader } from './onnx-file.js';

export interface Package {
  manifest: Manifest;
  modelPath: string;
  /** Names by class index; where gaps are allowed, some may be missing. */
  labels: string[] | undefined;
  /** The tokenizer's file as parsed, of models that take texts. */
  tokenizer: unknown;
  /** sha256 in hex over names and contents of the model, its weights, its manifest, its labels, its tokenizer and all declared files. */
  checksum: string;
}

const MANIFEST = 'model.json';
const MODELS = ['model.onnx', 'model.ort'];
/** Files of a model that has another name. */
const MODEL_FILE = /\.(onnx|ort)$/;
/** Labels that are no JSON. */
const LINES_FILE = /\.txt$/i;
const MAX_NAMES_SHOWN = 5;
const MAX_JSON_BYTES = 16 * 1024 * 1024;
/** A vocabulary of 250 000 words takes 17 MB. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** @throws Error with a message for whoever made the package. */
export async function openPackage(directory: string): Promise<Package> {
  const folder = resolve(directory);
  const version = basename(folder);
  const name = basename(dirname(folder));
  const manifest = await readManifest(folder, name, version);
  const model = await findModel(folder);
  const names = new Set([model, ...Object.keys(manifest.files)]);
  if (await isPlainFile(folder, MANIFEST)) names.add(MANIFEST);
  const labelsFile = manifest.output.labels;
  if (labelsFile !== undefined) names.add(labelsFile);
  const tokenizerFile = manifest.text?.tokenizer;
  if (tokenizerFile !== undefined) names.add(tokenizerFile);
  const sums = new Map<string, string>();
  for (const file of names) {
    const sum = await sha256Of(folder, file);
    const stated = manifest.files[file]?.slice('sha256-'.length);
    if (stated !== undefined && stated !== sum) {
      throw new Error(
        `${file} is not the file that model.json describes: its sha256 is ${sum}, expected ${stated}. Copy the package again.`,
      );
    }
    sums.set(file, sum);
  }
  for (const file of await externalFilesOf(folder, model)) {
    if (!sums.has(file)) sums.set(file, await sha256Of(folder, file));
  }
  const whole = createHash('sha256');
  for (const file of [...sums.keys()].sort()) whole.update(`${file}\0${sums.get(file)}\n`);
  const labels =
    labelsFile === undefined
      ? undefined
      : parseLabels(labelsFile, await readLabels(folder, labelsFile), rulesOf(manifest));
  const tokenizer =
    tokenizerFile === undefined ? undefined : await readJson(folder, tokenizerFile, MAX_TOKENIZER_BYTES);
  return { manifest, modelPath: join(folder, model), labels, tokenizer, checksum: whole.digest('hex') };
}

/** As the folder's model.json says, or the default. @throws Error with every complaint. */
export async function readManifest(folder: string, name: string, version: string): Promise<Manifest> {
  if (!MODEL_NAME.test(name) || !MODEL_VERSION.test(version)) {
    throw new Error(
      `A package lies in a folder <name>/<version>; came "${name}/${version}", expected a name of small letters, digits, ".", "_", "-"` +
        ' and a version of letters, digits, ".", "_", "-". Rename the folders.',
    );
  }
  if (!(await isPlainFile(folder, MANIFEST))) return defaultManifest(name, version);
  const manifest = parseManifest(await readJson(folder, MANIFEST));
  for (const [key, came, expected] of [
    ['name', manifest.name, name],
    ['version', manifest.version, version],
  ]) {
    if (came !== expected)
      throw new Error(`model.json: ${key}: came "${came}", expected "${expected}", as its folder is called.`);
  }
  return manifest;
}

function rulesOf({ task, output }: Manifest): LabelRules {
  // Every class of a classifier may be the answer.
  const gaps = task === 'object-detection' || task === 'image-segmentation';
  return { gaps, first: 'firstLabel' in output ? output.firstLabel : 0 };
}

/** `model.onnx` or `model.ort`, else the only file that could be one. */
export async function findModel(folder: string): Promise<string> {
  for (const file of MODELS) if (await isPlainFile(folder, file)) return file;
  const found = (await readdir(folder)).filter((file) => MODEL_FILE.test(file)).sort();
  const [only] = found;
  if (only === undefined)
    throw new Error(`The package has no model file; expected ${MODELS.join(' or ')} in its folder.`);
  if (found.length > 1) {
    const shown = found.slice(0, MAX_NAMES_SHOWN).join(', ');
    throw new Error(`The package has ${found.length} model files (${shown}); expected one. Call it ${MODELS[0]}.`);
  }
  await isPlainFile(folder, only);
  return only;
}

/** The files that the model's weights lie in. @throws Error where one is not a plain file of the package. */
export async function externalFilesOf(folder: string, model: string): Promise<string[]> {
  if (!model.endsWith('.onnx')) return [];
  const { externalFiles } = await readOnnxHeader(join(folder, model));
  for (const file of externalFiles) {
    if (!BARE_NAME.test(file)) {
      throw new Error(
        `${model} looks for weights in ${JSON.stringify(file.slice(0, 80))}; expected a bare file name, for a file of the` +
          ' package. Save the model again with its weights beside it, or inside it.',
      );
    }
    if (!(await isPlainFile(folder, file))) {
      throw new Error(`${model} has weights in ${file}, which is missing from the package. Put it beside the model.`);
    }
  }
  return externalFiles;
}

/** False when there is no such file. */
export async function isPlainFile(folder: string, file: string): Promise<boolean> {
  if (file.startsWith(`${SAMPLES}/`) && !(await isPlainFolder(folder, SAMPLES))) return false;
  const stats = await lstat(join(folder, file)).catch(() => undefined);
  if (!stats) return false;
  // A link of either kind could lead to data outside the package, unseen by whoever checked it.
  if (!stats.isFile())
    throw new Error(`${file} is a link or a folder; expected a plain file. Put a copy of the file in its place.`);
  if (stats.nlink > 1)
    throw new Error(`${file} is hard-linked to another file; expected a plain file. Put a copy in its place.`);
  return true;
}

/** False when there is no such folder. */
async function isPlainFolder(folder: string, name: string): Promise<boolean> {
  const stats = await lstat(join(folder, name)).catch(() => undefined);
  if (stats && !stats.isDirectory()) {
    throw new Error(`${name} is a link or a file; expected a folder. Put a copy of the folder in its place.`);
  }
  return stats !== undefined;
}

async function sha256Of(folder: string, file: string): Promise<string> {
  if (!(await isPlainFile(folder, file))) {
    throw new Error(`${file} is missing from the package; model.json names it. Add it, or remove its name.`);
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(folder, file)), hash);
  return hash.digest('hex');
}

async function readLabels(folder: string, file: string): Promise<unknown> {
  if (!LINES_FILE.test(file)) return readJson(folder, file);
  return labelLines(file, await readText(folder, file, MAX_JSON_BYTES));
}

async function readText(folder: string, file: string, most: number): Promise<string> {
  const { size } = await lstat(join(folder, file));
  if (size > most) throw new Error(`${file} has ${size} bytes; at most ${most} are read.`);
  return (await readFile(join(folder, file), 'utf8')).replace(/^\ufeff/, '');
}

async function readJson(folder: string, file: string, most = MAX_JSON_BYTES): Promise<unknown> {
  const text = await readText(folder, file, most);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is not JSON: ${(error as Error).message}.`);
  }
}
