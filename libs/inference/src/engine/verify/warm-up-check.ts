/**
 * First runs: finds rows that the model takes, keeps its answers to each of them by itself, and looks at those for shapes
 * that the file does not state and for NaN.
 *
 * A model that nothing could be made up for is refused unless the package's own samples run: nothing serves unverified.
 * NaN for plausible values is refused as well, unless the samples show that the model is made for other values.
 */
import type { ExecutorInput } from '../../contract/executor-messages.js';
import type { TensorSpec } from '../../contract/model-description.js';
import type { Tensor } from '../../tensor/frame.js';
import { shown } from '../tasks/check-tensors.js';
import { nanIn } from './compare-tensors.js';
import type { RowKind } from './made-up/kinds.js';
import { madeUpRows } from './made-up/rows.js';
import { readSamples } from './samples/sample-files.js';
import { PASSED, type Alone, type Outcome, type Subject } from './subject.js';

export async function checkWarmUp(subject: Subject): Promise<Outcome> {
  const { order, model } = subject;
  const { description } = model!;
  // What is wrong with them is told when their turn comes.
  const samples = await readSamples(order.directory, description).catch(() => []);
  const tried = new Trials(subject);
  const ofSamples: RowKind = { name: 'the samples', isPlausible: true, rows: samples.flatMap(({ row }) => row ?? []) };
  const madeUp = await madeUpRows(subject, (input, step) => tried.runs(input, step));
  const kinds: RowKind[] = [];
  for (const kind of [...madeUp, ofSamples]) {
    const rows: ExecutorInput[] = [];
    for (const row of kind.rows) if (await tried.runs(row, `a run of a row of ${kind.name}`)) rows.push(row);
    if (rows.length > 0) kinds.push({ ...kind, rows });
  }
  if (kinds.length === 0) {
    throw new Error(
      `The model runs on nothing that was made up for it: ${tried.firstFailure ?? 'there was nothing to make up'}. ` +
        (samples.length === 0
          ? `Add samples of what it takes (samples/samples.json), or correct the shapes that it states.`
          : 'Its own samples fail as well. Correct them, or the shapes that the model states.'),
    );
  }
  subject.kinds = await ofOneShape(kinds, subject);
  subject.alone = tried.alone;
  return judge(subject, samples.length > 0);
}

/** Rows of another shape, as samples may be, never share a run with the first. */
async function ofOneShape(kinds: readonly RowKind[], { rows: runner }: Subject): Promise<RowKind[]> {
  const shape = await runner!.signature(kinds[0]!.rows[0]!);
  const alike: RowKind[] = [];
  for (const kind of kinds) {
    const rows: ExecutorInput[] = [];
    for (const row of kind.rows) if ((await runner!.signature(row)) === shape) rows.push(row);
    if (rows.length > 0) alike.push({ ...kind, rows });
  }
  return alike;
}

class Trials {
  readonly alone = new Map<ExecutorInput, Alone>();
  firstFailure: string | undefined;

  constructor(private readonly subject: Subject) {}

  async runs(input: ExecutorInput, step: string): Promise<boolean> {
    const { rows, at } = this.subject;
    if (this.alone.has(input)) return true;
    at(step);
    try {
      const ran = await rows!.run([input]);
      const [own] = await ran.byRow();
      const { outputs } = ran;
      this.alone.set(input, { outputs, own: own! });
      return true;
    } catch (error) {
      this.firstFailure ??= (error as Error).message;
      return false;
    }
  }
}

function judge({ kinds, alone, model }: Subject, hasSamples: boolean): Outcome {
  const { outputs: specs } = model!.description;
  for (const { name, isPlausible, rows } of kinds!) {
    for (const row of isPlausible ? rows : []) {
      const output = nanIn(alone!.get(row)!.outputs);
      if (output === undefined) continue;
      const what = `The output "${output}" is NaN for a row of ${name}.`;
      if (hasSamples && name !== 'the samples') {
        return {
          status: 'warned',
          message: `${what} It is served as its samples show that it is made for other values.`,
        };
      }
      throw new Error(
        `${what} Look for divisions by zero and logarithms in the model; if it is made for other values, add samples of them (samples/samples.json).`,
      );
    }
  }
  const [first] = kinds![0]!.rows as [ExecutorInput];
  const odd = alone!
    .get(first)!
    .outputs.flatMap((tensor, i) => (fits(tensor, specs[i]!) ? [] : [said(tensor, specs[i]!)]));
  return odd.length === 0 ? PASSED : { status: 'warned', message: `${odd.join(' ')} It is served as it is.` };
}

/** onnxruntime shows an output of unknown shape without axes. */
function fits({ shape }: Tensor, spec: TensorSpec): boolean {
  if (spec.shape.length === 0) return true;
  return shape.length === spec.shape.length && spec.shape.every((size, axis) => size === null || size === shape[axis]);
}

function said({ name, shape }: Tensor, spec: TensorSpec): string {
  return `The output "${name}" came as ${shown(shape)}, while the file states ${shown(spec.shape)}.`;
}
