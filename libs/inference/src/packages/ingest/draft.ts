/** A package on its way: what model.json says so far, and the files beside it. */
import { readFile } from 'node:fs/promises';
import { MAR_INF } from '../archive/layout.js';
import { refusePackage, shownName } from '../refusal.js';
import type { StagedFile } from '../store/staging.js';
import { MANIFEST } from '../store/stored-package.js';

export interface Draft {
  manifest: Record<string, unknown>;
  /** By their names in the package, model.json among them where one came. */
  files: Map<string, StagedFile>;
  /** What the package may be called, where it does not say. */
  name: string | undefined;
  version: string | undefined;
  /** What was assumed, changed or left out, a sentence each. */
  notes: string[];
}

const MAX_JSON_BYTES = 1024 * 1024;
const MODEL_FILE = /\.(onnx|ort)$/;
/** Models that Python alone can run, and weights without a model. */
const OTHER_MODEL = /\.(pt|pt2|pth|pkl|bin|ckpt|safetensors|h5|keras|pb|tflite|gguf)$/i;

/** Files as they came, with or without a model.json. @throws PACKAGE_INVALID */
export async function draftOf({ files, name, version }: Omit<Draft, 'manifest' | 'notes'>): Promise<Draft> {
  const names = [...files.keys()];
  const stray = names.find((each) => each.startsWith(`${MAR_INF}/`));
  if (stray !== undefined) {
    throw refusePackage(`The archive has ${shownName(stray)} but no MANIFEST.json beside it. Make the .mar again.`);
  }
  const other = names.find((each) => OTHER_MODEL.test(each));
  if (other !== undefined && !names.some((each) => MODEL_FILE.test(each))) {
    throw refusePackage(
      `The package has no model.onnx or model.ort, but ${shownName(other)}, which is not run here. Convert it: sluice-export (docs/export.md).`,
    );
  }
  const manifest = files.get(MANIFEST);
  if (manifest) return { manifest: await readObject(MANIFEST, manifest), files, name, version, notes: [] };
  const note = `There is no ${MANIFEST}: the model takes and gives tensors, with every default.`;
  return { manifest: {}, files, name, version, notes: [note] };
}

/** @throws PACKAGE_INVALID where the file is no JSON object */
export async function readObject(name: string, file: StagedFile): Promise<Record<string, unknown>> {
  if (file.size > MAX_JSON_BYTES) {
    throw refusePackage(`${name} has ${file.size} bytes; at most ${MAX_JSON_BYTES} are read. Shorten it.`);
  }
  const text = await readFile(file.path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw refusePackage(`${name} is not JSON: ${(error as Error).message}.`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refusePackage(`${name} holds ${Array.isArray(value) ? 'an array' : `a ${typeof value}`}; expected an object.`);
}
