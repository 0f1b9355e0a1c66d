/**
 * model.json: what a package says about its model. One schema; unknown keys are refused, and every complaint names
 * the place, what stood there and what was expected.
 *
 * Invariant: file names in it are bare names, or those of samples, so that nothing outside the package's folder can be meant.
 */
import { z } from 'zod';
import { takenBy } from '../contract/input-type.js';
import { MODEL_NAME, MODEL_VERSION, TASKS } from '../contract/model-description.js';
import { PACKAGE_FILE } from './file-name.js';
import { fileName } from './manifest/file-name.js';
import { embeddingSection, textSection } from './manifest/text.js';

/** Files of the package that can have a sum: its samples too. */
const packageFile = z.string().regex(PACKAGE_FILE);
const side = z.number().int().min(1).max(16_384);
const size = z.tuple([side, side]);

const image = z.strictObject({
  resize: z.union([z.strictObject({ shorterSide: side }), z.strictObject({ exact: size })]).optional(),
  /** Height and width, as in the tensor. */
  crop: size.optional(),
  color: z.enum(['RGB', 'BGR', 'GRAY']).default('RGB'),
  scale: z
    .number()
    .positive()
    .default(1 / 255),
  mean: z.array(z.number()).optional(),
  std: z.array(z.number().positive()).optional(),
  layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
});

const manifestSchema = z
  .strictObject({
    name: z.string().regex(MODEL_NAME, { message: 'small letters, digits, ".", "_" and "-", 64 at most' }),
    version: z.string().regex(MODEL_VERSION, { message: 'a string of letters, digits, ".", "_" and "-", 32 at most' }),
    task: z.enum(TASKS).default('tensor'),
    image: image.optional(),
    text: textSection.optional(),
    embedding: embeddingSection.optional(),
    output: z
      .strictObject({
        activation: z.enum(['softmax', 'sigmoid', 'none']).default('softmax'),
        topK: z.number().int().min(1).max(1000).default(5),
        labels: fileName.optional(),
      })
      .prefault({}),
    batching: z
      .strictObject({
        maxBatchSize: z.number().int().min(1).max(4096).default(32),
        maxDelayMs: z.number().min(0).max(60_000).default(0),
      })
      .prefault({}),
    runTimeoutMs: z.number().positive().optional(),
    files: z
      .record(
        packageFile,
        z.string().regex(/^sha256-[0-9a-f]{64}$/, { message: '"sha256-" and 64 hexadecimal digits' }),
      )
      .default({}),
  })
  .check(({ value, issues }) => {
    const say = (path: string[], message: string, input: unknown): void => {
      issues.push({ code: 'custom', path, message, input });
    };
    if (value.task === 'image-classification' && !value.image) {
      say(['image'], 'an object with resize, crop, color, scale, mean, std, layout', undefined);
    }
    if (value.task !== 'image-classification' && value.image) {
      say(['image'], `nothing, as the task is "${value.task}" (or "task": "image-classification")`, value.image);
    }
    if (takenBy(value.task) !== 'text' && value.text) {
      say(['text'], `nothing, as the task is "${value.task}" (or "task": "embedding")`, value.text);
    }
    if (value.task !== 'embedding' && value.embedding) {
      say(['embedding'], `nothing, as the task is "${value.task}" (or "task": "embedding")`, value.embedding);
    }
    const channels = value.image?.color === 'GRAY' ? 1 : 3;
    for (const key of ['mean', 'std'] as const) {
      const numbers = value.image?.[key];
      if (numbers && numbers.length !== channels) {
        say(
          ['image', key],
          `${channels} number${channels > 1 ? 's' : ''}, one a channel of "${value.image!.color}"`,
          numbers,
        );
      }
    }
  });

export type Manifest = z.output<typeof manifestSchema>;
export type ImageSpec = NonNullable<Manifest['image']>;
export type OutputSpec = Manifest['output'];
export type TextSpec = NonNullable<Manifest['text']>;
export type EmbeddingSpec = NonNullable<Manifest['embedding']>;

/** What a package without model.json is taken to say. */
export function defaultManifest(name: string, version: string): Manifest {
  return parseManifest({ name, version });
}

/** @throws Error that lists every complaint. */
export function parseManifest(raw: unknown): Manifest {
  const result = manifestSchema.safeParse(raw);
  if (result.success) return complete(result.data);
  throw new Error(result.error.issues.map((issue) => `model.json: ${complaint(issue, raw)}`).join('. ') + '.');
}

/** Texts need no more said of them than the task. */
function complete(manifest: Manifest): Manifest {
  if (takenBy(manifest.task) === 'text') manifest.text ??= textSection.parse({});
  if (manifest.task === 'embedding') manifest.embedding ??= embeddingSection.parse({});
  return manifest;
}

function complaint(issue: z.core.$ZodIssue, raw: unknown): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => [...path, key].join('.')).join(', ');
    return `${keys} is not a key that is known here; remove it or correct its spelling`;
  }
  const came = shown(path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], raw));
  return `${path.join('.') || 'the whole'}: came ${came}, expected ${expected(issue)}`;
}

function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : `a value of type ${issue.expected}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `${issue.origin === 'array' ? 'a length of ' : ''}${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.origin === 'array' ? 'a length of ' : ''}at most ${issue.maximum}`;
    case 'invalid_union':
      return '{"shorterSide": pixels} or {"exact": [height, width]}';
    case 'invalid_key':
      return 'bare file names, without folders but "samples/"';
    default:
      return issue.message;
  }
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
