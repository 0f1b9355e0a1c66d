/** Every model with something wrong is refused, by the check that is meant and with a message of its own. */
import { REFUSED } from '../../../../../test/fixtures/bad-models.js';
import { LIMITED } from '../../../../../test/fixtures/limited-models.js';
import { integers, node, onnx, value } from '../../../../../test/fixtures/onnx-models.js';
import { TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { OwnWorkplace, verified } from '../../../../../test/fixtures/verified.js';
import { CHECKS } from '../../contract/verification.js';

const packages = new TemporaryPackages();
const workplace = new OwnWorkplace();
afterAll(() => {
  packages.remove();
  workplace.remove();
});

describe('a model with something wrong', () => {
  const reasons = new Set<string | undefined>();
  it.each(REFUSED)('$name is refused by the check $check', async ({ name, bytes, manifest, check, says }) => {
    const { report, reason, passed } = await verified(packages.make(name, { 'model.onnx': bytes }, manifest));
    expect(report.outcome).toBe('failed');
    expect(passed).toBeUndefined();
    expect(reason).toMatch(says);
    reasons.add(reason);
    expect(reason).not.toMatch(/\/tmp|\/work|node_modules/);
    expect(report.checks.map((each) => each.check)).toEqual(CHECKS);
    const states = report.checks.map(({ status }) => status);
    const at = CHECKS.indexOf(check as (typeof CHECKS)[number]);
    expect(states.indexOf('failed')).toBe(at);
    expect(states.slice(at + 1)).toEqual(CHECKS.slice(at + 1).map(() => 'skipped'));
    expect(workplace.leftBehind).toEqual([]);
  });

  it('hears something different of each', () => {
    expect(reasons.size).toBe(REFUSED.length);
  });
});

describe('a model that cannot be served as it says', () => {
  it.each(LIMITED)('$name is served with $rows rows a run, and says so', async ({ name, bytes, mixes, rows, says }) => {
    const { report, passed } = await verified(packages.make(name, { 'model.onnx': bytes }));
    expect(report.outcome).toBe('passed');
    const found = report.checks.find(({ check }) => check === 'batch-invariance');
    expect(found).toMatchObject({ status: 'warned', message: expect.stringMatching(says) });
    expect(report.rowsMix).toBe(mixes);
    expect(passed).toMatchObject({
      facts: { rowsMix: mixes, maxBatchSize: rows },
      description: { maxBatchSize: rows },
    });
  });
});

it('a model whose largest runs would take too much memory is served with as many rows as do not', async () => {
  // 32 MiB of output a row: a run of 32 rows is what the whole verification may take.
  const bytes = onnx({
    nodes: [node('Unsqueeze', 'x last > column'), node('Expand', 'column wide > y')],
    inputs: [value('x', ['N', 4])],
    outputs: [value('y', ['N', 4, 2 ** 21])],
    constants: [integers('last', [1], [2]), integers('wide', [3], [1, 1, 2 ** 21])],
  });
  const { report, passed, reason } = await verified(packages.make('wide', { 'model.onnx': bytes }));
  expect(reason).toBeUndefined();
  const found = report.checks.find(({ check }) => check === 'batch-invariance');
  expect(found?.status).toBe('warned');
  expect(found?.message).toMatch(/^A run of \d+ rows (would take about \d+ MiB of memory|fails)/);
  expect(passed!.facts.maxBatchSize).toBeLessThan(32);
  expect(passed!.description.maxBatchSize).toBe(passed!.facts.maxBatchSize);
});
