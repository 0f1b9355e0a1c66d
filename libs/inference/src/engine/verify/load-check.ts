/** Opens the package as an executor does, with the worker's providers, and says what there is to know of the model. */
import { loadPackage } from '../model.js';
import { openPackage } from '../../packages/package.js';
import { RowRunner } from './row-runner.js';
import { PASSED, type Outcome, type Subject } from './subject.js';

export async function checkLoad(subject: Subject): Promise<Outcome> {
  const { order, runner, header, manifest } = subject;
  runner.allow(manifest?.runTimeoutMs);
  subject.at('the load of the model');
  const opened = await openPackage(order.directory);
  const model = await loadPackage(opened, runner);
  const { description } = model;
  subject.model = model;
  subject.rows = new RowRunner(model, runner);
  subject.maxRows = description.maxBatchSize;
  const { name = '', version = '' } = header?.producer ?? {};
  const producer = `${name} ${version}`.trim();
  subject.found({
    model: {
      opsets: { ...header?.opsets },
      ...(producer === '' ? {} : { producer }),
      inputs: description.inputs,
      outputs: description.outputs,
      batched: description.batched,
      providers: order.settings.providers,
    },
    description: { ...description, checksum: order.digest ?? opened.checksum },
  });
  return PASSED;
}
