/** Entry of a worker process. */
import { collectLargeGrowth, loadWorkerConfig } from '#inference';
import { runWorker } from './lifecycle.js';

const executorEntry = new URL('../../../libs/inference/src/engine/executor.js', import.meta.url);

collectLargeGrowth();
try {
  await runWorker(loadWorkerConfig(), executorEntry);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
