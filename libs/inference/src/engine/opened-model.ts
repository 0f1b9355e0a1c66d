/**
 * A model package for use inside a program of one's own, without queue, frames or child processes: open, predict,
 * close. docs/edge.md shows it in use.
 *
 * Invariants: what is given stays the caller's; every prediction asked for before `close` is answered before the
 * model is gone, and none is begun after it.
 */
import type { ExecutorInput } from '../contract/executor-messages.js';
import type { ModelDescription } from '../contract/model-description.js';
import type { Tensor } from '../tensor/frame.js';
import { loadModel, type Model, type Runner } from './model.js';
import { Permits } from './permits.js';
import { RunClient } from './run/run-client.js';
import { checkTaken } from './taken.js';
import type { Segmentation } from './tasks/image-segmentation.js';
import type { Detections } from './tasks/object-detection.js';
import type { Classification } from './tasks/scores.js';

export interface OpenOptions {
  /** Compute threads of one run; 1 unless given. */
  threads?: number;
  /** Execution providers by onnxruntime's names, the preferred one first; ["cpu"] unless given. */
  providers?: string[];
  /** Where sessions run instead of in a thread of their own; it stays open, and its threads and providers count. */
  runner?: Runner;
}

/** What the tasks that look at pictures answer. */
export type PictureAnswer = Classification | Detections | Segmentation;

const NO_BYTES = new Uint8Array(0);

/** What a model of the task "embedding" answers to a text. */
export interface Embedding {
  embedding: number[];
  /** The text was longer than the model takes. */
  truncated?: true;
}

/**
 * Opens a package folder `<name>/<version>/`. Its run thread keeps the process alive until `close`.
 * @throws Error that says what in the package, or which provider, is wrong.
 */
export async function openModel(folder: string, options: OpenOptions = {}): Promise<OpenedModel> {
  const { threads = 1, providers = ['cpu'], runner } = options;
  if (runner) {
    const model = await loadModel(folder, runner);
    return new OpenedModel({ model, runner, threads, end: () => runner.release(model.session) });
  }
  const thread = await RunClient.start(new URL('./run/run-thread.js', import.meta.url), { threads, providers });
  try {
    return new OpenedModel({
      model: await loadModel(folder, thread),
      runner: thread,
      threads,
      end: () => thread.close(),
    });
  } catch (error) {
    await thread.close();
    throw error;
  }
}

type AnyAnswer = Tensor[] | PictureAnswer | PictureAnswer[] | Embedding | Embedding[];

interface Parts {
  model: Model;
  runner: Runner;
  threads: number;
  end: () => Promise<void>;
}

export class OpenedModel {
  readonly description: ModelDescription;
  private readonly decodes: Permits;
  private readonly running = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: Parts) {
    this.description = parts.model.description;
    // As an executor does: one picture more than threads is decoded ahead, and no more pixels than that are in memory.
    this.decodes = new Permits(parts.threads + 1);
  }

  /**
   * The answer of the model's task for an encoded picture (JPEG, PNG, WebP or GIF): a Classification, Detections or a
   * Segmentation.
   * @throws SluiceError for a picture that cannot be read, or a model that takes none; Error when the run fails.
   */
  predict<Answer extends PictureAnswer = Classification>(picture: Uint8Array): Promise<Answer>;
  /**
   * The vector of a text, or its classes.
   * @throws SluiceError for a text that is too large, or a model that takes none; Error when the run fails.
   */
  predict(text: string): Promise<Embedding | Classification>;
  /**
   * The outputs for whole input tensors with the batch axis first; of other tasks than "tensor" one answer for each row.
   * @throws SluiceError for tensors that the model does not take; Error when the run fails.
   */
  predict<Answer extends PictureAnswer | Embedding = Classification>(
    tensors: readonly Tensor[],
  ): Promise<Tensor[] | Answer[]>;
  async predict(input: Uint8Array | string | readonly Tensor[]): Promise<AnyAnswer> {
    if (this.closing) throw new Error('The model is closed. Open it again to predict.');
    const prediction =
      typeof input === 'string'
        ? this.ofBytes({ type: 'text', rows: 1, bytes: Buffer.from(input) })
        : input instanceof Uint8Array
          ? this.ofBytes({ type: 'image', rows: 1, bytes: input })
          : this.ofTensors(input);
    this.running.add(prediction);
    try {
      return (await prediction) as AnyAnswer;
    } finally {
      this.running.delete(prediction);
    }
  }

  /** Resolves when what was asked for is answered and the session and its thread are gone. */
  close(): Promise<void> {
    this.closing ??= Promise.allSettled([...this.running]).then(() => this.parts.end());
    return this.closing;
  }

  private async ofBytes(input: ExecutorInput): Promise<unknown> {
    const { task, description } = this.parts.model;
    checkTaken(input, description.task);
    const { tensors, memo } = await this.decodes.use(async () => task.preprocess(await task.decode(input), 1));
    return this.answer(task.join ? task.join([tensors]) : tensors, input, memo);
  }

  private async ofTensors(tensors: readonly Tensor[]): Promise<unknown> {
    const rows = this.description.batched ? (tensors[0]?.shape[0] ?? 1) : 1;
    const prepared = this.parts.model.task.preprocess({ kind: 'tensors', tensors: [...tensors] }, rows);
    // A runner takes the memory of its feeds away.
    const feeds = prepared.tensors.map((tensor) => ({ ...tensor, data: tensor.data.slice() }));
    return this.answer(feeds, { type: 'tensors', rows, bytes: NO_BYTES }, prepared.memo);
  }

  private async answer(feeds: Tensor[], input: ExecutorInput, memo: unknown): Promise<unknown> {
    const { model, runner } = this.parts;
    const { outputs } = await runner.run(model.session, feeds);
    const answer = await model.task.postprocess(outputs, input, memo);
    return answer.kind === 'json' ? answer.value : answer.tensors;
  }
}
