/** What is proposed for models that take ids of tokens. */
import type { OnnxValue } from '../../../../libs/inference/src/packages/onnx-file.js';
import type { InspectedModel } from './inspected-model.js';
import { labelsProposal } from './labels-proposal.js';
import type { Proposal } from './proposal.js';

const IDS = ['input_ids', 'ids', 'tokens'];
const VECTORS = /^(sentence_embedding|text_embeds|embeddings?|pooler_output)$/;
const TOKENIZER = 'tokenizer.json';

export function proposeText(model: InspectedModel): Proposal | undefined {
  const { inputs, outputs } = model.header;
  const ids = inputs.find(({ name, shape }) => IDS.includes(name) && shape?.length === 2);
  if (!ids || !/^int(32|64)$/.test(ids.dtype ?? '')) return undefined;
  const guesses = [`task: the input ${ids.name} takes ids of tokens`];
  if (!model.beside.includes(TOKENIZER))
    guesses.push(`${TOKENIZER}: it is not there yet; the model needs it beside it`);
  const head = outputs.find(({ name }) => VECTORS.test(name)) ?? outputs[0];
  const proposal = head && (embedding(head, outputs.length) ?? classification(head, model));
  if (!proposal) return undefined;
  return { manifest: proposal.manifest, guesses: [...guesses, ...proposal.guesses] };
}

function embedding({ name, shape }: OnnxValue, outputs: number): Proposal | undefined {
  const isTokens = shape?.length === 3;
  if (!isTokens && !VECTORS.test(name)) return undefined;
  const output = outputs > 1 ? { output: name } : {};
  if (!isTokens) {
    return {
      manifest: { task: 'embedding', ...(outputs > 1 ? { embedding: output } : {}) },
      guesses: [`embedding: the output ${name} is one vector a text; it is scaled to length 1`],
    };
  }
  return {
    manifest: { task: 'embedding', embedding: { pooling: 'mean', normalize: true, ...output } },
    guesses: [
      `embedding.pooling: the output ${name} is a vector a token; "mean" is usual, "cls" where the model was trained so`,
      'embedding.normalize: vectors are scaled to length 1, as for cosine similarity',
    ],
  };
}

function classification({ name, shape }: OnnxValue, model: InspectedModel): Proposal | undefined {
  if (shape?.length !== 2) return undefined;
  const classes = shape[1];
  const isScore = classes === 1;
  const labels = labelsProposal(model, typeof classes === 'number' ? classes : undefined);
  return {
    manifest: {
      task: 'text-classification',
      output: { activation: isScore ? 'sigmoid' : 'softmax', ...labels.output },
    },
    guesses: [
      isScore
        ? `output.activation: the output ${name} is one score a text, so "sigmoid"; "none" where it is one already`
        : `output.activation: the output ${name} is taken for logits; "none" where it is a softmax already`,
      ...labels.guesses,
    ],
  };
}
