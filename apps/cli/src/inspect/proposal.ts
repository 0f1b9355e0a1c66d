/**
 * A model.json for a model that has none: what its inputs and outputs look like, taken for the task that usually has
 * them.
 *
 * Invariants: what is proposed passes parseManifest; everything that the file does not say itself is in `guesses`, a
 * sentence each, for somebody has to look at it.
 */
import { parseManifest } from '../../../../libs/inference/src/packages/manifest.js';
import type { InspectedModel } from './inspected-model.js';
import { proposePicture } from './picture-proposal.js';
import { proposeText } from './text-proposal.js';

export interface Proposal {
  manifest: Record<string, unknown>;
  guesses: string[];
}

/** What a task adds to name and version; undefined where the model looks like something else. */
export type Proposer = (model: InspectedModel) => Proposal | undefined;

const PROPOSERS: Proposer[] = [proposeText, proposePicture];

export function propose(model: InspectedModel): Proposal {
  const { name, version } = model;
  const found = PROPOSERS.map((proposer) => proposer(model)).find((each) => each !== undefined);
  const { manifest, guesses } = found ?? tensor();
  const whole = { name, version, ...manifest };
  parseManifest(whole);
  return { manifest: whole, guesses };
}

function tensor(): Proposal {
  return {
    manifest: { task: 'tensor' },
    guesses: ['task: its inputs and outputs are those of no other task; arrays go in and come out as they are'],
  };
}
