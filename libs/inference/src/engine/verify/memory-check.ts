/**
 * What a loaded copy of the model takes in main memory: how much larger this process is than before the load, after a run
 * of the largest size, less what JavaScript itself holds. Never less than the model's files.
 *
 * An estimate: a device's own memory is not seen, and what a run took is kept by onnxruntime for the next.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ExecutorInput } from '../../contract/executor-messages.js';
import { PASSED, type Outcome, type Subject } from './subject.js';

export async function checkMemory(subject: Subject, before: number): Promise<Outcome> {
  const { rows, kinds, maxRows = 1, at, modelBytes = 0 } = subject;
  const row: ExecutorInput = kinds![0]!.rows.at(-1)!;
  at(`a run of ${maxRows} rows for its memory`);
  await rows!.run(Array.from({ length: maxRows }, () => row));
  subject.found({ memoryBytes: Math.round(Math.max(modelBytes, nativeBytes() - before)) });
  return PASSED;
}

/** Bytes of this process outside of JavaScript's heap and its buffers. */
export function nativeBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { rss, heapTotal, external } = process.memoryUsage();
  return rss - heapTotal - external;
}
