/** The package's own golden samples: each is run as the service would, and its answer compared. */
import { PASSED, type Outcome, type Subject } from '../subject.js';
import { answerTo } from './answer.js';
import { disagreement } from './compare-answers.js';
import { readSamples, type Sample } from './sample-files.js';

/** Who answered and how long it took is no part of what a model answers. */
const NOT_COMPARED = ['model', 'version', 'metrics', 'id'];

export async function checkSamples({ order, model, rows, at }: Subject): Promise<Outcome> {
  const samples = await readSamples(order.directory, model!.description);
  if (samples.length === 0) {
    return { status: 'skipped', message: 'The package has no samples (samples/samples.json).' };
  }
  for (const sample of samples) {
    at(`the run of ${sample.name}`);
    const found = await disagreementOf(sample, rows!).catch((error: unknown) => {
      throw new Error(`${sample.name} cannot be run: ${(error as Error).message} Correct the sample, or the model.`);
    });
    if (found === undefined) continue;
    throw new Error(
      `The answer to ${sample.name} is not the expected one within ${sample.tolerance}: ${found}. Export the model or the samples again.`,
    );
  }
  return PASSED;
}

async function disagreementOf(sample: Sample, rows: Parameters<typeof answerTo>[1]): Promise<string | undefined> {
  const came = await answerTo(sample, rows);
  const expected = Object.fromEntries(Object.entries(sample.expected).filter(([key]) => !NOT_COMPARED.includes(key)));
  return disagreement(expected, came, sample.tolerance);
}
