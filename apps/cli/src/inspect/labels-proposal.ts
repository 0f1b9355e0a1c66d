/** Class names that lie beside a model. */
import type { InspectedModel } from './inspected-model.js';

const NAMES = ['labels.json', 'index_to_name.json', 'classes.json', 'labels.txt', 'classes.txt'];

export interface LabelsProposal {
  output: { labels?: string };
  guesses: string[];
}

export function labelsProposal({ beside }: InspectedModel, classes: number | undefined): LabelsProposal {
  const file = NAMES.find((name) => beside.includes(name));
  const count = classes === undefined ? 'the class names' : `the ${classes} class names`;
  if (file === undefined) {
    return { output: {}, guesses: [`output.labels: left out; ${count}, in order, in labels.json would be told`] };
  }
  return { output: { labels: file }, guesses: [`output.labels: ${file} lies beside it, taken for ${count}`] };
}
