/** Limits of an operator, of a package and of a verification, one over the other. */
import { descriptionOf } from '../../../../test/fixtures/registry.js';
import { asLimited } from './as-limited.js';

const facts = { rowsMix: false, memoryBytes: 1 };
const of = (maxBatchSize: number) => ({ ...descriptionOf('m', '1'), maxBatchSize, maxDelayMs: 5 });

it.each([
  ['nothing is set', of(32), { limits: {}, facts }, [32, 5]],
  ['less is set', of(32), { limits: { maxBatchSize: 8 }, facts }, [8, 5]],
  ['more is set', of(32), { limits: { maxBatchSize: 64, maxDelayMs: 0 }, facts }, [64, 0]],
  ['its rows mix', of(32), { limits: { maxBatchSize: 64 }, facts: { ...facts, rowsMix: true } }, [1, 5]],
  ['its file takes one row', of(1), { limits: { maxBatchSize: 64 }, facts }, [1, 5]],
  ['it was not verified yet', of(32), { limits: { maxBatchSize: 8 } }, [8, 5]],
])('where %s', (...[, description, registration, expected]) => {
  const { maxBatchSize, maxDelayMs } = asLimited(description, registration);
  expect([maxBatchSize, maxDelayMs]).toEqual(expected);
});
