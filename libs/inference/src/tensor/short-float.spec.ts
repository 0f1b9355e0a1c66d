/** A float32 is written in few digits and read back as itself. */
import fc from 'fast-check';
import { shortFloat } from './short-float.js';

describe('a short float', () => {
  it.each([
    [Math.fround(0.1), '0.1'],
    [Math.fround(-0.001), '-0.001'],
    [Math.fround(1 / 3), '0.33333334'],
    [-0, '0'],
    [16_777_216, '16777216'],
    [1.401298464324817e-45, '1.4013e-45'],
    [3.4028234663852886e38, '3.4028235e+38'],
  ])('of %d is %s', (value, text) => {
    expect(JSON.stringify(shortFloat(value))).toBe(text);
  });

  it('is the same float32 again, in nine digits at most', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = JSON.stringify(shortFloat(value));
        expect(Math.fround(Number(text)) + 0).toBe(value + 0);
        expect(
          text
            .replace(/e.*$/, '')
            .replace(/[-.]/g, '')
            .replace(/^0+|0+$/g, '').length,
        ).toBeLessThanOrEqual(9);
      }),
      { numRuns: 5_000 },
    );
  });
});
