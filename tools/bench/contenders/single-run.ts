/** One request, one run: the engine's own preprocessing and session, without frames, batches or threads of its own. */
import { SluiceError, tensorFromJson } from '#inference';
import { loadModel } from '#engine';
import { InlineRunner } from './inline-runner.js';

/** The body of a request, as an HTTP framework hands it over. */
export type RequestBody = { input: unknown } | Buffer;

/** Opens the package; the function that comes back answers one body. */
export async function openSingleRun(
  packageDir: string,
  threads: number,
): Promise<(body: RequestBody) => Promise<unknown>> {
  const runner = new InlineRunner({ threads, providers: ['cpu'] });
  const { session, task, description } = await loadModel(packageDir, runner);
  const spec = description.inputs[0]!;
  const rowShape = spec.shape.slice(1);

  return async (body) => {
    const isImage = Buffer.isBuffer(body);
    const bytes = isImage ? body : Buffer.alloc(0);
    const input = { type: isImage ? 'image' : 'tensors', rows: 1, bytes } as const;
    const decoded = isImage ? await task.decode(input) : { kind: 'tensors' as const, tensors: [row(body.input)] };
    const { outputs } = await runner.run(session, task.preprocess(decoded, 1));
    const answer = task.postprocess(outputs, input);
    if (answer.kind !== 'json') throw new SluiceError('INTERNAL', 'The benchmark runs classifiers only.');
    // A row of tensors answers with a list of one.
    return Array.isArray(answer.value) ? (answer.value[0] as unknown) : answer.value;
  };

  function row(value: unknown) {
    const tensor = tensorFromJson({ ...spec, shape: rowShape, value, path: 'input' });
    return { ...tensor, shape: [1, ...tensor.shape] };
  }
}
