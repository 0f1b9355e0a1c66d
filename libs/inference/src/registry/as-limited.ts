/** What a registered version is served as: what its package says, what its verification found, what an operator has set. */
import type { ModelDescription } from '../contract/model-description.js';
import type { Registration } from '../contract/registration.js';

/**
 * An operator's limits stand over the package's. A version whose rows influence each other, or whose file takes one row
 * a run, stays at batch 1 whatever is set.
 */
export function asLimited(
  description: ModelDescription,
  { limits, facts }: Pick<Registration, 'limits' | 'facts'>,
): ModelDescription {
  const alone = facts?.rowsMix === true || description.maxBatchSize === 1;
  return {
    ...description,
    maxBatchSize: alone
      ? 1
      : Math.min(limits.maxBatchSize ?? description.maxBatchSize, facts?.maxBatchSize ?? Infinity),
    maxDelayMs: limits.maxDelayMs ?? description.maxDelayMs,
  };
}
