/** One request, one run: the engine's own preprocessing and session, without frames, batches or threads of its own. */
import { tensorFromJson } from '#inference';
import { openModel } from '#engine';
import { InlineRunner } from './inline-runner.js';

/** The body of a request, as an HTTP framework hands it over. */
export type RequestBody = { input: unknown } | Buffer;

/** Opens the package of a classifier; the function that comes back answers one body. */
export async function openSingleRun(
  packageDir: string,
  threads: number,
): Promise<(body: RequestBody) => Promise<unknown>> {
  const model = await openModel(packageDir, { threads, runner: new InlineRunner({ threads, providers: ['cpu'] }) });
  const spec = model.description.inputs[0]!;
  const rowShape = spec.shape.slice(1);

  return async (body) => {
    if (Buffer.isBuffer(body)) return model.predict(body);
    const row = tensorFromJson({ ...spec, shape: rowShape, value: body.input, path: 'input' });
    const [classes] = await model.predict([{ ...row, shape: [1, ...row.shape] }]);
    return classes;
  };
}
