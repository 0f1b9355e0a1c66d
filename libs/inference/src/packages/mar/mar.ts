/**
 * TorchServe's archive as a package of ours: its ONNX file, its labels and what its handler does with them, without any
 * of its Python. Source of the layout: torch-model-archiver 0.12, model-archiver/README.md of pytorch/serve.
 *
 * Invariants: of an archive only those files get into the package that it needs; what needs Python is refused with the
 * command that converts it; a model.json in the archive is taken at its word, in place of what the handler would mean.
 */
import { readFile } from 'node:fs/promises';
import { SAMPLES } from '../file-name.js';
import { draftOf, type Draft } from '../ingest/draft.js';
import type { Gathered } from '../ingest/gather.js';
import { validName, validVersion } from '../ingest/naming.js';
import { readOnnxHeader } from '../onnx-file.js';
import { asRefusal, refusePackage } from '../refusal.js';
import type { StagedFile, Staging } from '../store/staging.js';
import { MANIFEST } from '../store/stored-package.js';
import { handlerOf, manifestFor, TOKENIZER, type Handler } from './handlers.js';
import { MAR_MANIFEST, readMarManifest, type MarManifest } from './mar-manifest.js';
import { batchingOf } from './model-config.js';
import { pythonRefusal } from './python.js';

export { MAR_MANIFEST } from './mar-manifest.js';

const MODEL = 'model.onnx';
const LABELS = 'index_to_name.json';
const CONFIG = 'model-config.yaml';
const MAX_CONFIG_BYTES = 64 * 1024;
const MAX_NAMES_SHOWN = 5;

type Files = Map<string, StagedFile>;

/** @throws PACKAGE_INVALID */
export async function draftOfMar(staging: Staging, gathered: Gathered): Promise<Draft> {
  const mar = await readMarManifest(gathered.files.get(MAR_MANIFEST)!);
  const files = new Map([...gathered.files].filter(([name]) => name !== MAR_MANIFEST));
  const { name = gathered.name, version = gathered.version, notes } = namesOf(mar);
  if (files.has(MANIFEST)) {
    const kept = new Map([...files].filter(([file]) => !isTorchServes(file, mar)));
    const draft = await draftOf({ files: kept, name, version });
    const used = `The archive's ${MANIFEST} was used; its handler was not looked at.`;
    return { ...draft, notes: [...notes, used, ...leftOut(gathered.leftOut, files, kept)] };
  }
  const handler = handlerOf(mar.handler, files);
  const weights = mar.serializedFile;
  const model = weights === undefined ? undefined : files.get(weights);
  if (!handler || !model || mar.modelFile !== undefined || !weights?.endsWith('.onnx')) {
    throw refusePackage(pythonRefusal({ mar, files: new Set(files.keys()), handler, name, version }));
  }
  const kept: Files = new Map([...files].filter(([file]) => file.startsWith(`${SAMPLES}/`)));
  // Under its own name, so that what is wrong with it is said of that.
  await staging.makeFolder('mar');
  const opened = await staging.move(model, `mar/${weights}`);
  const header = await asRefusal(readOnnxHeader(opened.path));
  kept.set(MODEL, opened);
  for (const file of [LABELS, ...header.externalFiles, ...needed(handler)]) {
    const staged = files.get(file);
    if (staged) kept.set(file, staged);
  }
  const task = manifestFor(handler, { ...header, labels: kept.has(LABELS) ? LABELS : undefined });
  if (handler === 'text_classifier' && !kept.has(TOKENIZER)) {
    throw refusePackage(
      `The .mar's handler text_classifier makes numbers of words by a Python vocabulary; expected a ${TOKENIZER} (Hugging Face's format) in the archive. Add it with --extra-files, for a model that was trained with it.`,
    );
  }
  const batching = batchingOf(await configText(mar, files));
  const used = new Map<string, unknown>([...kept, [weights, opened], [mar.configFile ?? CONFIG, undefined]]);
  return {
    manifest: { ...task.manifest, ...batching.manifest },
    files: kept,
    name,
    version,
    notes: [...notes, ...task.notes, ...batching.notes, ...leftOut(gathered.leftOut, files, used)],
  };
}

function needed(handler: Handler): string[] {
  return handler === 'text_classifier' ? [TOKENIZER] : [];
}

function namesOf({ modelName, modelVersion }: MarManifest): Pick<Draft, 'name' | 'version' | 'notes'> {
  const name = modelName === undefined ? undefined : validName(modelName);
  const version = modelVersion === undefined ? undefined : validVersion(modelVersion);
  const notes: string[] = [];
  if (name !== undefined && name !== modelName) notes.push(`The model is called "${name}" here, not "${modelName}".`);
  if (version !== undefined && version !== modelVersion) {
    notes.push(`The version is called "${version}" here, not "${modelVersion}".`);
  }
  return { name, version, notes };
}

/** What belongs to TorchServe and its Python alone. */
function isTorchServes(file: string, { requirementsFile, configFile }: MarManifest): boolean {
  return /\.pyc?$/i.test(file) || file === (requirementsFile ?? 'requirements.txt') || file === (configFile ?? CONFIG);
}

async function configText({ configFile = CONFIG }: MarManifest, files: Files): Promise<string | undefined> {
  const file = files.get(configFile);
  if (!file || file.size > MAX_CONFIG_BYTES) return undefined;
  return readFile(file.path, 'utf8');
}

function leftOut(folders: readonly string[], files: Files, kept: ReadonlyMap<string, unknown>): string[] {
  const names = [...folders, ...[...files.keys()].filter((name) => !kept.has(name))].sort();
  if (names.length === 0) return [];
  const shown = names.slice(0, MAX_NAMES_SHOWN).join(', ');
  const more = names.length > MAX_NAMES_SHOWN ? ` and ${names.length - MAX_NAMES_SHOWN} more` : '';
  return [`Left out, as the package does not need it: ${shown}${more}.`];
}
