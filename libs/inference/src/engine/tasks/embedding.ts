/**
 * The task "embedding": a text, or rows of ids, to a vector: `{"embedding": [numbers]}`, float32 in the fewest digits
 * that give the same float32 again.
 */
import type { TensorSpec } from '../../contract/model-description.js';
import { SluiceError } from '../../errors.js';
import type { EmbeddingSpec } from '../../packages/manifest.js';
import { shortFloat } from '../../tensor/short-float.js';
import { shown } from './check-tensors.js';
import type { Task, TaskContext } from './task.js';
import { normalize, pool } from './text/pooling.js';
import { answerOf, textTaskOf, type TextMemo } from './text/text-task.js';

/** Vectors of texts, and of tokens. */
const TEXT_OUTPUTS = ['sentence_embedding', 'text_embeds', 'embedding', 'embeddings'];
const TOKEN_OUTPUTS = ['last_hidden_state', 'token_embeddings'];

/** @throws Error that says what in the package does not fit the model. */
export function embedding(context: TaskContext<'embedding'>): Task<TextMemo> {
  const spec = context.manifest.embedding!;
  const place = placeOf(context.outputs, spec);
  check(context.outputs[place]!, spec);
  return {
    ...textTaskOf(context, { takesPairs: false }),
    postprocess: (outputs, input, memo) =>
      answerOf(
        (row) => {
          const pooled = pool(outputs[place]!, { pooling: spec.pooling, row, mask: memo?.mask });
          const vector = Float32Array.from(spec.normalize ? normalize(pooled) : pooled);
          if (!vector.every(Number.isFinite)) {
            throw new SluiceError(
              'MODEL_RUN_FAILED',
              'The model answered NaN or an infinity for this text. Check the model.',
            );
          }
          return { embedding: Array.from(vector, shortFloat) };
        },
        input,
        memo,
      ),
    checkTrial: (outputs) => check(outputs[place]!, spec),
  };
}

function placeOf(outputs: readonly TensorSpec[], { output, pooling }: EmbeddingSpec): number {
  const names = outputs.map(({ name }) => name);
  const usual = pooling === 'none' ? TEXT_OUTPUTS : TOKEN_OUTPUTS;
  const wanted = output ?? (names.length === 1 ? names[0] : usual.find((name) => names.includes(name)));
  const place = names.findIndex((name) => name === wanted);
  if (place >= 0) return place;
  throw new Error(
    output === undefined
      ? `The model has the outputs ${names.join(', ')}; which is the embedding? Name it in model.json: embedding.output.`
      : `model.json: embedding.output: came "${output}", expected one of ${names.join(', ')}, as the model's outputs are called.`,
  );
}

/** The model's file may leave the shape open; the trial run's does not. */
function check({ name, dtype, shape }: TensorSpec, { pooling }: EmbeddingSpec): void {
  if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'float64') {
    throw new Error(`The model's output "${name}" holds ${dtype}; expected floating point numbers.`);
  }
  const expected = pooling === 'none' ? 2 : 3;
  if (shape.length === 0 || shape.length === expected) return;
  throw new Error(
    pooling === 'none'
      ? `The model's output "${name}" is ${shown(shape)}; expected [N, size]. Vectors of tokens are pooled: set "embedding": {"pooling": "mean"} in model.json, or "cls", as in training.`
      : `The model's output "${name}" is ${shown(shape)}; expected [N, tokens, size]. It is pooled already: leave out embedding.pooling in model.json.`,
  );
}
