/** Property: whatever becomes of the bytes of a model, its verification ends in time, with a report that says something. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { fixtureModel, TemporaryPackages } from '../../../../../test/fixtures/packages.js';
import { OwnWorkplace, verified } from '../../../../../test/fixtures/verified.js';
import { verificationReport } from '../../contract/verification.js';

const packages = new TemporaryPackages();
const workplace = new OwnWorkplace();
afterAll(() => {
  packages.remove();
  workplace.remove();
});

const MODELS = ['add', 'shape_math', 'branching', 'tiny_classifier', 'multi'].map((name) =>
  readFileSync(join(fixtureModel(name), 'model.onnx')),
);
const TIMEOUT_MS = 20_000;

const damage = fc.record({
  model: fc.nat({ max: MODELS.length - 1 }),
  changes: fc.array(fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
  cut: fc.option(fc.nat({ max: 40 }), { freq: 4 }),
});

it('ends', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(damage, async ({ model, changes, cut }) => {
      const bytes = Buffer.from(MODELS[model]!);
      for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
      const whole = bytes.subarray(0, bytes.length - (cut ?? 0));
      const directory = packages.make(`damaged-${runs++}`, { 'model.onnx': whole }, { runTimeoutMs: 1_000 });
      const { report, reason } = await verified(directory, { timeoutMs: TIMEOUT_MS });
      expect(verificationReport.parse(report)).toEqual(report);
      expect(report.ms).toBeLessThan(TIMEOUT_MS + 6_000);
      if (report.outcome === 'failed') expect(reason).toMatch(/\S/);
      expect(reason ?? '').not.toMatch(/\/tmp|\/work|node_modules/);
      expect(workplace.leftBehind).toEqual([]);
    }),
    { numRuns: 15 },
  );
}, 600_000);
