/** Why a .mar cannot be taken, and the command that makes a package of it: see docs/export.md. */
import { shownName } from '../refusal.js';
import { TOKENIZER, type Handler } from './handlers.js';
import type { MarManifest } from './mar-manifest.js';

export interface PythonMar {
  mar: MarManifest;
  files: ReadonlySet<string>;
  /** The default handler that it names, where it names one. */
  handler: Handler | undefined;
  name: string | undefined;
  version: string | undefined;
}

export function pythonRefusal(archive: PythonMar): string {
  const { mar, files } = archive;
  const weights = mar.serializedFile;
  if (weights !== undefined && !files.has(weights)) {
    return `The .mar names ${shownName(weights)} as its serializedFile, and does not hold it. Make the archive again.`;
  }
  const reasons = [
    ...(archive.handler ? [] : [`its handler ${shownName(mar.handler ?? '')}`]),
    ...(mar.modelFile === undefined ? [] : [`its modelFile ${shownName(mar.modelFile)}`]),
    ...(weights === undefined || weights.endsWith('.onnx') ? [] : [`its weights ${shownName(weights)}`]),
  ];
  if (reasons.length === 0) return 'The .mar has no serializedFile; expected an .onnx file. Make the archive again.';
  const needs = `The .mar needs Python for ${reasons.join(', ').replace(/, ([^,]*)$/, ' and $1')}; no code is run here.`;
  return `${needs} Unpack it and convert it: ${commandFor(archive)} (docs/export.md).`;
}

/** What the default handlers do, in the words of the exporter. */
const FLAGS: Record<Handler, string> = {
  image_classifier: ' --task image-classification --image imagenet',
  object_detector: ' --task object-detection --output-section OUTPUT.JSON',
  image_segmenter: ' --task image-segmentation --image imagenet',
  text_classifier: ` --task text-classification --tokenizer ${TOKENIZER}`,
  base_handler: '',
};

/** What only its maker knows stands in capitals. */
function commandFor({ mar, files, handler, name = 'NAME', version = '1' }: PythonMar): string {
  const { modelFile, serializedFile: weights } = mar;
  const model =
    modelFile !== undefined
      ? `${modelFile}:CLASS${weights === undefined ? '' : ` --weights ${weights}`}`
      : weights?.endsWith('.safetensors') === true
        ? `MODULE:CLASS --weights ${weights}`
        : (weights ?? 'MODEL.PY:CLASS');
  const task = handler === undefined ? '' : FLAGS[handler];
  const labels = task !== '' && files.has('index_to_name.json') ? ' --labels index_to_name.json' : '';
  return `sluice-export --model ${model} --input SHAPE${task}${labels} -o ${name}/${version}`;
}
