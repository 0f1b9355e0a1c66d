/**
 * model.json: what a package says about its model. One schema, which depends on the task; unknown keys are refused, and
 * every complaint names the place, what stood there and what was expected. What a task says beyond the rest lies in
 * manifest/.
 *
 * Invariants: file names in it are bare names, or those of samples, so that nothing outside the package's folder can be
 * meant; nothing here needs Node.
 */
import { z } from 'zod';
import { takenBy } from '../contract/input-type.js';
import { MODEL_NAME, MODEL_VERSION, TASKS, type TaskName } from '../contract/model-description.js';
import { PACKAGE_FILE } from './file-name.js';
import { classificationOutput } from './manifest/classification.js';
import { checkDetection, detectionOutput } from './manifest/detection.js';
import type { Say } from './manifest/fields.js';
import { checkImage, imageSection } from './manifest/image.js';
import { keysOf, meantBy } from './manifest/known-keys.js';
import { segmentationOutput } from './manifest/segmentation.js';
import { embeddingSection, textSection } from './manifest/text.js';

/** Files of the package that can have a sum: its samples too. */
const packageFile = z.string().regex(PACKAGE_FILE);

const common = {
  name: z.string().regex(MODEL_NAME, { message: 'small letters, digits, ".", "_" and "-", 64 at most' }),
  version: z.string().regex(MODEL_VERSION, { message: 'a string of letters, digits, ".", "_" and "-", 32 at most' }),
  image: imageSection.optional(),
  text: textSection.optional(),
  embedding: embeddingSection.optional(),
  batching: z
    .strictObject({
      maxBatchSize: z.number().int().min(1).max(4096).default(32),
      maxDelayMs: z.number().min(0).max(60_000).default(0),
    })
    .prefault({}),
  runTimeoutMs: z.number().positive().optional(),
  files: z
    .record(packageFile, z.string().regex(/^sha256-[0-9a-f]{64}$/, { message: '"sha256-" and 64 hexadecimal digits' }))
    .default({}),
};

const MAX_KEYS_SHOWN = 5;
const KNOWN_TASKS = `one of ${TASKS.map((task) => JSON.stringify(task)).join(', ')}`;

const manifestSchema = z
  .discriminatedUnion(
    'task',
    [
      z.strictObject({ ...common, task: z.literal('tensor'), output: classificationOutput }),
      z.strictObject({ ...common, task: z.literal('image-classification'), output: classificationOutput }),
      z.strictObject({ ...common, task: z.literal('object-detection'), output: detectionOutput }),
      z.strictObject({ ...common, task: z.literal('image-segmentation'), output: segmentationOutput }),
      z.strictObject({ ...common, task: z.literal('text-classification'), output: classificationOutput }),
      z.strictObject({ ...common, task: z.literal('embedding'), output: classificationOutput }),
    ],
    { error: KNOWN_TASKS },
  )
  .check(({ value, issues }) => {
    const say: Say = (path, message, input) => {
      issues.push({ code: 'custom', path, message, input });
    };
    const { task, image, text, embedding } = value;
    const taken = takenBy(task);
    if (taken === 'image' && !image) {
      say(['image'], 'an object with resize, crop, color, scale, mean, std, layout', undefined);
    }
    if (taken !== 'image' && image) {
      say(['image'], `nothing, as the task is "${task}" (or "task": "image-classification")`, image);
    }
    if (taken !== 'text' && text) {
      say(['text'], `nothing, as the task is "${task}" (or "task": "embedding")`, text);
    }
    if (task !== 'embedding' && embedding) {
      say(['embedding'], `nothing, as the task is "${task}" (or "task": "embedding")`, embedding);
    }
    if (image) checkImage(image, say);
    if (task === 'object-detection') checkDetection(value.output, say);
  });

export type Manifest = z.output<typeof manifestSchema>;
/** What model.json says for one task. */
export type ManifestOf<Name extends TaskName> = Extract<Manifest, { task: Name }>;
export type TextSpec = NonNullable<Manifest['text']>;
export type EmbeddingSpec = NonNullable<Manifest['embedding']>;

/** What a package without model.json is taken to say. */
export function defaultManifest(name: string, version: string): Manifest {
  return parseManifest({ name, version });
}

/** @throws Error that lists every complaint. */
export function parseManifest(raw: unknown): Manifest {
  const isBare = typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !('task' in raw);
  const result = manifestSchema.safeParse(isBare ? { ...raw, task: 'tensor' } : raw);
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
    const known = keysFor(raw);
    const all = issue.keys.slice(0, MAX_KEYS_SHOWN).map((key) => {
      const place = [...path, key];
      return `${shownKey(place)} is not a key that is known here; expected ${meantBy(place, known)}`;
    });
    const more = issue.keys.length - all.length;
    return [...all, ...(more > 0 ? [`${more} more keys are not known`] : [])].join('. model.json: ');
  }
  const came = shown(path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], raw));
  return `${path.join('.') || 'the whole'}: came ${came}, expected ${expected(issue)}`;
}

/** Of the task that is named; a bare manifest is one of tensors. */
function keysFor(raw: unknown): string[][] {
  const task = (raw as { task?: unknown }).task ?? 'tensor';
  const schema = manifestSchema.options.find((each) => each.shape.task.value === task);
  return schema ? keysOf(schema) : [];
}

function shownKey(place: readonly string[]): string {
  const key = place.join('.');
  return key.length > 80 ? `${key.slice(0, 80)}…` : key;
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
