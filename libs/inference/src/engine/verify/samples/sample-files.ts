/**
 * The package's own golden samples, as files: samples/samples.json and what it names (docs/export.md).
 *
 * Invariant: what is read lies in `samples/` and is bounded; complaints name the file, what came and what was expected.
 */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ExecutorInput } from '../../../contract/executor-messages.js';
import type { ModelDescription } from '../../../contract/model-description.js';
import { BARE_NAME } from '../../../packages/manifest/fields.js';
import { sampleInput, type Form } from './sample-input.js';

export interface Sample {
  /** The name of its input. */
  name: string;
  form: Form;
  inputs: ExecutorInput[];
  /** Its input where that is one row, to be run beside others. */
  row?: ExecutorInput;
  /** What the service must answer: `tensors` are the raw outputs. */
  expected: Record<string, unknown>;
  tolerance: number;
}

const LIST = 'samples/samples.json';
const MAX_SAMPLES = 100;
const MAX_BYTES = 16 * 1024 * 1024;
const file = z.string().regex(BARE_NAME);
const schema = z.object({
  samples: z
    .array(z.object({ input: file, contentType: z.string().max(200), output: file, tolerance: z.number().min(0) }))
    .max(MAX_SAMPLES),
});

/** None where the package has no samples. @throws Error with a message for whoever made the package. */
export async function readSamples(directory: string, model: ModelDescription): Promise<Sample[]> {
  if (!(await lstat(join(directory, LIST)).catch(() => undefined))) return [];
  const listed = schema.safeParse(await readJson(directory, LIST));
  if (!listed.success) {
    const { path, message } = listed.error.issues[0]!;
    throw new Error(
      `${LIST}: ${path.join('.') || 'the whole'}: ${message}. Expected {"samples": [{"input", "contentType", "output", "tolerance"}, …]} with bare file names.`,
    );
  }
  const samples: Sample[] = [];
  for (const { input, contentType, output, tolerance } of listed.data.samples) {
    const body = await readBounded(directory, `samples/${input}`);
    const expected = await readJson(directory, `samples/${output}`);
    if (typeof expected !== 'object' || expected === null || Array.isArray(expected)) {
      throw new Error(`samples/${output} is no JSON object. Put there what the service must answer.`);
    }
    try {
      const { form, inputs } = sampleInput(body, contentType, model);
      const [row] = inputs.length === 1 && inputs[0]!.rows === 1 ? inputs : [];
      samples.push({
        ...{ name: `samples/${input}`, form, inputs, tolerance },
        ...(row && { row }),
        expected: expected as Record<string, unknown>,
      });
    } catch (error) {
      throw new Error(`samples/${input}: ${(error as Error).message}`);
    }
  }
  return samples;
}

async function readJson(directory: string, name: string): Promise<unknown> {
  const bytes = await readBounded(directory, name);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    throw new Error(`${name} is not JSON: ${(error as Error).message}.`);
  }
}

async function readBounded(directory: string, name: string): Promise<Buffer> {
  const path = join(directory, name);
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isFile())
    throw new Error(`${name} is not in the package; samples/samples.json names it. Add it, or remove its name.`);
  if (stats.size > MAX_BYTES)
    throw new Error(`${name} has ${stats.size} bytes; at most ${MAX_BYTES} are read. Use a smaller sample.`);
  return readFile(path);
}
