/**
 * The two settings of a .mar's model-config.yaml that mean something here. It is not read as YAML, which can do more
 * than say numbers: a line that is one of the two keys with a whole number counts, and nothing else does.
 */

const LINE = /^(batchSize|maxBatchDelay)[ \t]*:[ \t]*(\d{1,6})[ \t]*(?:#.*)?\r?$/gm;
const MAX_BATCH = 4096;
const MAX_DELAY_MS = 60_000;

/** `batchSize` in rows and `maxBatchDelay` in milliseconds, as in TorchServe. */
export function batchingOf(text: string | undefined): { manifest: { batching?: object }; notes: string[] } {
  if (text === undefined) return { manifest: {}, notes: [] };
  const found = new Map([...text.matchAll(LINE)].map(([, key, number]) => [key, Number(number)]));
  const batchSize = found.get('batchSize');
  const delay = found.get('maxBatchDelay');
  if (batchSize === undefined && delay === undefined) {
    return { manifest: {}, notes: ['The model-config.yaml was not used: it has no plain batchSize or maxBatchDelay.'] };
  }
  const batching = {
    ...(batchSize !== undefined && { maxBatchSize: Math.min(Math.max(batchSize, 1), MAX_BATCH) }),
    ...(delay !== undefined && { maxDelayMs: Math.min(delay, MAX_DELAY_MS) }),
  };
  return { manifest: { batching }, notes: ['Of model-config.yaml only batchSize and maxBatchDelay were used.'] };
}
