import fc from 'fast-check';
import { LatencyModel } from './latency-model.js';

describe('the latency model', () => {
  it('knows nothing before five runs', () => {
    const model = new LatencyModel();
    for (let i = 1; i <= 4; i++) model.record(i, i);
    expect(model.line()).toBeUndefined();
    expect(model.estimate(3)).toBeUndefined();
    model.record(5, 5);
    expect(model.estimate(3)).toBeCloseTo(3, 6);
  });

  it('finds any line exactly from runs that lie on it', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 50, noNaN: true }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        (alpha, beta) => {
          const model = new LatencyModel();
          for (let i = 0; i < 30; i++) model.record(1 + (i % 7), alpha * (1 + (i % 7)) + beta);
          const line = model.line()!;
          return Math.abs(line.alpha - alpha) < 1e-6 && Math.abs(line.beta - beta) < 1e-5;
        },
      ),
    );
  });

  it('is not bent by single runs that took far too long', () => {
    const model = new LatencyModel();
    for (let i = 0; i < 48; i++) model.record(1 + (i % 8), 2 * (1 + (i % 8)) + 5 + (i % 3) * 0.1);
    model.record(4, 4_000);
    model.record(2, 9_000);
    expect(model.line()!.alpha).toBeCloseTo(2, 1);
    expect(model.line()!.beta).toBeCloseTo(5.1, 0);
  });

  it('never learns a negative time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 64 }), fc.double({ min: 0, max: 1e4, noNaN: true })), {
          minLength: 5,
        }),
        (runs) => {
          const model = new LatencyModel();
          for (const [rows, ms] of runs) model.record(rows, ms);
          const line = model.line()!;
          return line.alpha >= 0 && line.beta >= 0;
        },
      ),
    );
  });

  it('forgets what is more than fifty runs old', () => {
    const model = new LatencyModel();
    for (let i = 0; i < 50; i++) model.record(1 + (i % 4), 1_000);
    for (let i = 0; i < 50; i++) model.record(1 + (i % 4), 3 * (1 + (i % 4)));
    expect(model.estimate(4)).toBeCloseTo(12, 6);
  });
});
