/**
 * A loaded model: its package, its session in the run thread, its task, and the description that the fleet sees.
 *
 * Invariant: `batched` is true only where axis 0 counts rows in every input and output; where the file does not say
 * so for an output, a trial run must have shown it, or the task knows. What takes pictures is never loaded without a
 * trial run that succeeded.
 */
import type { ModelDescription, TensorSpec } from '../contract/model-description.js';
import type { Placement } from '../contract/placement.js';
import { allocate, elementCount } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/frame.js';
import { openPackage, type Package } from '../packages/package.js';
import type { OpenSession, RunOutcome } from './run/run-client.js';
import { taskOf } from './tasks/index.js';
import type { Task } from './tasks/task.js';

/** Where sessions are opened and run: the run thread, or in tests whatever stands for it. */
export interface Runner {
  open(path: string): Promise<OpenSession>;
  run(session: number, feeds: Tensor[]): Promise<RunOutcome>;
  release(session: number): Promise<void>;
}

export interface Model {
  session: number;
  task: Task;
  description: ModelDescription;
  placement: Placement;
}

/** @throws Error with a message for whoever made the package. */
export async function loadModel(directory: string, runner: Runner): Promise<Model> {
  return loadPackage(await openPackage(directory), runner);
}

/** The same for a package that is open. @throws Error with a message for whoever made it. */
export async function loadPackage(opened: Package, runner: Runner): Promise<Model> {
  const session = await runner.open(opened.modelPath);
  try {
    return await buildModel(opened, session, runner);
  } catch (error) {
    await runner.release(session.session);
    throw error;
  }
}

async function buildModel(opened: Package, session: OpenSession, runner: Runner): Promise<Model> {
  const { manifest, labels, tokenizer } = opened;
  const { inputs, outputs } = session;
  if (inputs.length === 0 || outputs.length === 0) {
    throw new Error(
      `The model has ${inputs.length} inputs and ${outputs.length} outputs; expected at least one of each.`,
    );
  }
  const axis = batchAxisOf(inputs, outputs);
  let isBatched = axis !== 'none';
  if (isBatched && outputs.some(({ shape }) => shape.length === 0)) {
    isBatched = await keepsRows(session, axis === 'free' ? 2 : 1, runner);
  }
  const task = taskOf({ manifest, labels, tokenizer, inputs, outputs, batched: isBatched });
  const { batched = isBatched } = task;
  const tried = await tryOut(task, { session, isRequired: manifest.task !== 'tensor', runner });
  const placement: Placement = session.place ? await session.place(tried) : { kind: 'cpu' };
  const description: ModelDescription = {
    v: 1,
    name: manifest.name,
    version: manifest.version,
    task: manifest.task,
    inputs,
    outputs,
    batched,
    maxBatchSize: batched && axis === 'free' && !task.alone ? manifest.batching.maxBatchSize : 1,
    maxDelayMs: manifest.batching.maxDelayMs,
    ...(manifest.runTimeoutMs === undefined ? {} : { runTimeoutMs: manifest.runTimeoutMs }),
    ...(task.text ? { text: task.text } : {}),
    checksum: opened.checksum,
  };
  return { session: session.session, task, description, placement };
}

/** onnxruntime shows an output of unknown shape like a scalar, with no axes at all; those are left open here. */
function batchAxisOf(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): 'free' | 'one' | 'none' {
  const firstIs = (size: number | null) => (spec: TensorSpec) => spec.shape.length > 0 && spec.shape[0] === size;
  const isOpen = (spec: TensorSpec): boolean => spec.shape.length === 0 || spec.shape[0] === null;
  if (inputs.every(firstIs(null))) return outputs.every(isOpen) ? 'free' : 'none';
  if (inputs.every(firstIs(1))) return outputs.every((spec) => isOpen(spec) || spec.shape[0] === 1) ? 'one' : 'none';
  return 'none';
}

/** Whether a run with zeros gives as many rows as it got; false where it cannot be tried. */
async function keepsRows({ session, inputs }: OpenSession, rows: number, runner: Runner): Promise<boolean> {
  const shapes = inputs.map(({ shape }) => [rows, ...shape.slice(1)]);
  if (shapes.some((shape) => shape.includes(null))) return false;
  try {
    const { outputs } = await runner.run(session, zeros(inputs, shapes as number[][]));
    return outputs.every(({ shape }) => shape[0] === rows);
  } catch {
    return false;
  }
}

/**
 * The first run of a session is slow, and a wrong shape shows at once: both belong to the load. Resolves to whether a
 * run has succeeded. Where it must be known which provider runs what, free sizes are tried as 1.
 */
async function tryOut(
  task: Task,
  how: { session: OpenSession; isRequired: boolean; runner: Runner },
): Promise<boolean> {
  const { session, inputs, place } = how.session;
  const ones = place && inputs.map(({ shape }) => shape.map((size) => size ?? 1));
  const shapes = task.trialShapes() ?? ones;
  if (!shapes) return false;
  let outcome: RunOutcome;
  try {
    outcome = await how.runner.run(session, zeros(inputs, shapes));
  } catch (error) {
    // Zeros need not be a valid input of any model; they are a valid picture.
    if (!how.isRequired) return false;
    const tried = shapes.map((shape) => `[${shape.join(',')}]`).join(', ');
    throw new Error(
      `The model fails on an input of shape ${tried}, which the preprocessing in model.json gives: ${(error as Error).message}` +
        ` ${task.advice ?? 'Change image.crop or image.layout.'}`,
    );
  }
  task.checkTrial(outcome.outputs);
  return true;
}

function zeros(inputs: readonly TensorSpec[], shapes: readonly number[][]): Tensor[] {
  return inputs.map(({ name, dtype }, i) => {
    const shape = shapes[i]!;
    const count = elementCount(shape);
    return { name, dtype, shape, data: dtype === 'string' ? Array<string>(count).fill('') : allocate(dtype, count) };
  });
}
