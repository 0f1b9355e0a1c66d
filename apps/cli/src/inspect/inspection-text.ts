/** What was found of a model, as text and as JSON. */
import type { OnnxValue } from '../../../../libs/inference/src/packages/onnx-file.js';
import { layOut } from '../json-layout.js';
import { size } from '../size.js';
import { fields } from '../terminal.js';
import { batchAxisOf } from './batch-axis.js';
import type { InspectedModel } from './inspected-model.js';
import type { Proposal } from './proposal.js';

const MOST_OPERATORS = 8;

export function inspectionText(model: InspectedModel, proposal: Proposal): string {
  const { header, manifest } = model;
  const found = fields([
    ['model', `${model.file} (${size(model.bytes)})`],
    ['weights', model.weights.map(weightsText).join('\n') || 'in the file'],
    ['made by', [header.producer.name, header.producer.version].filter((word) => word !== '').join(' ') || undefined],
    ['opset', opsetText(header.opsets)],
    ['inputs', header.inputs.map(valueText).join('\n') || 'none'],
    ['outputs', header.outputs.map(valueText).join('\n') || 'none'],
    ['batch axis', batchAxisOf(header).sentence],
    ['operators', operatorsText(header.operators)],
    ['missing', header.customDomains.length > 0 ? `operators of ${header.customDomains.join(', ')}` : undefined],
    ['model.json', manifest && ('wrong' in manifest ? `is wrong. ${manifest.wrong}` : `says ${manifest.value.task}`)],
  ]);
  if (manifest) return `${found}\n\nWhat would be proposed without its model.json: --manifest.`;
  const guesses = proposal.guesses.map((guess) => `  - ${guess}`);
  return [found, '', 'Proposed model.json, of which was guessed:', ...guesses, '', jsonOf(proposal)].join('\n');
}

export function inspectionJson(
  { file, bytes, header, weights, manifest, ...model }: InspectedModel,
  proposal: Proposal,
) {
  return {
    file,
    bytes,
    weights: weights.map(({ file, bytes }) => ({ file, bytes: bytes ?? null })),
    ...header,
    batchAxis: batchAxisOf(header).kind,
    beside: model.beside,
    ...(manifest && ('wrong' in manifest ? { manifestError: manifest.wrong } : { manifest: manifest.value })),
    proposal,
  };
}

export function jsonOf({ manifest }: Proposal): string {
  return layOut(JSON.stringify(manifest));
}

function valueText({ name, kind, dtype, shape }: OnnxValue): string {
  if (kind !== 'tensor') return `${name}  ${kind}, which is not served`;
  return `${name}  ${dtype} ${shape ? `[${shape.map((axis) => axis ?? '?').join(', ')}]` : 'of any shape'}`;
}

function weightsText({ file, bytes }: { file: string; bytes: number | undefined }): string {
  return `${file} (${bytes === undefined ? 'not there' : size(bytes)})`;
}

function opsetText(opsets: Record<string, number>): string {
  const domains = Object.entries(opsets).map(([domain, version]) => (domain === '' ? version : `${domain} ${version}`));
  return domains.join(', ');
}

/** The commonest first. */
function operatorsText(operators: Record<string, number>): string {
  const all = Object.entries(operators).sort(([, a], [, b]) => b - a);
  const shown = all.slice(0, MOST_OPERATORS).map(([name, count]) => (count === 1 ? name : `${count} ${name}`));
  const left = all.length - shown.length;
  return `${shown.join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
}
