import fc from 'fast-check';
import type { Dtype } from './dtype.js';
import { tensorFromJson } from './from-json.js';
import { numbersInJson } from './numbers-in-json.js';

const DTYPES = ['float32', 'float64', 'int8', 'int16', 'int32', 'uint8', 'uint16', 'uint32'] as const;
type Sizes = (number | null)[];

/** What JSON.parse and the walk over its arrays make of the same text; undefined where they refuse it. */
function reference(text: string, dtype: Dtype, shape: Sizes) {
  try {
    return tensorFromJson({ name: 'x', dtype, shape, value: JSON.parse(text) as unknown, path: 'input' });
  } catch {
    return undefined;
  }
}

const read = (text: string, dtype: Dtype, shape: Sizes) =>
  numbersInJson(Buffer.from(text), 0, { name: 'x', dtype, shape });
const bits = (data: unknown) => Buffer.from((data as Float32Array).buffer).toString('hex');

const decimal = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.bigInt({ min: 0n, max: 10n ** 24n }),
    fc.nat(30),
    fc.constantFrom('', 'e', 'E-', 'e+'),
    fc.nat(60),
  )
  .map(([sign, digits, places, e, power]) => {
    const text = digits.toString().padStart(places + 1, '0');
    const point = text.length - places;
    const number = places === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
    return sign + number.replace(/^0+(?=\d)/, '') + (e && e + String(power));
  });
const token = fc.oneof(
  decimal,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.integer({ min: -300, max: 70_000 }).map(String),
);
const blank = fc.constantFrom('', '', '', ' ', '\n', '\t \r\n');

describe('numbers read straight from JSON', () => {
  it('are bit for bit those of JSON.parse, rounded to the dtype', () => {
    fc.assert(
      fc.property(fc.array(token, { minLength: 1, maxLength: 20 }), fc.constantFrom(...DTYPES), (tokens, dtype) => {
        const text = `[${tokens.join(',')}]`;
        const found = read(text, dtype, [null]);
        const expected = reference(text, dtype, [null]);
        if (!expected) return expect(found).toBeUndefined();
        expect(found!.tensor.shape).toEqual(expected.shape);
        expect(bits(found!.tensor.data)).toBe(bits(expected.data));
      }),
      { numRuns: 3_000 },
    );
  });

  it('are right beside every border between two float32, where the rounding is in doubt', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true, min: 0 }),
        fc.integer({ min: -3, max: 3 }),
        (value, steps) => {
          const bytes = new DataView(new ArrayBuffer(4));
          bytes.setFloat32(0, value);
          const above = new DataView(new ArrayBuffer(4));
          above.setUint32(0, bytes.getUint32(0) + 1);
          const border = new DataView(new ArrayBuffer(8));
          border.setFloat64(0, value + (above.getFloat32(0) - value) / 2);
          border.setBigUint64(0, border.getBigUint64(0) + BigInt(steps > 0 || border.getBigUint64(0) > 3n ? steps : 0));
          const text = `[${border.getFloat64(0)}]`;
          const expected = reference(text, 'float32', [1]);
          const found = read(text, 'float32', [1]);
          if (!expected) return expect(found).toBeUndefined();
          expect(bits(found!.tensor.data)).toBe(bits(expected.data));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('take the sizes of free axes from the first element, with blanks wherever JSON has them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(blank),
        (rows, columns, blanks) => {
          const b = () => blanks.next().value as string;
          const row = (i: number) =>
            `${b()}[${Array.from({ length: columns }, (_, j) => `${b()}${i * columns + j}${b()}`).join(',')}]${b()}`;
          const text = `[${Array.from({ length: rows }, (_, i) => row(i)).join(',')}]`;
          const found = read(`${text} }`, 'int32', [null, null])!;
          expect(found.tensor.shape).toEqual([rows, columns]);
          expect([...(found.tensor.data as Int32Array)]).toEqual(Array.from({ length: rows * columns }, (_, i) => i));
          expect(found.end).toBe(text.length);
        },
      ),
    );
  });

  it('may be more than were ever read before', () => {
    for (const count of [5_000, 300_000, 10]) {
      const values = Array.from({ length: count }, (_, i) => i / 8);
      const found = read(JSON.stringify(values), 'float32', [null])!;
      expect(found.tensor.shape).toEqual([count]);
      expect(bits(found.tensor.data)).toBe(bits(Float32Array.from(values)));
    }
  });

  it('are left alone where the text is not JSON, not of the shape or not of numbers alone', () => {
    const refused = [
      '',
      '[',
      '[1',
      '[1,',
      '[1,]',
      '[01]',
      '[-]',
      '[+1]',
      '[.5]',
      '[1.]',
      '[1e]',
      '[1e+]',
      '[0x1]',
      '[1 2]',
      '[NaN]',
    ].concat([
      '[[1]]',
      '[]',
      '[1,2,3]',
      '[null,1]',
      '["1",2]',
      '[true,1]',
      '[1,{}]',
      '[1,2}',
      '[1..2,3]',
      '[1.2.3,4]',
      '[--1,2]',
      '[1,\v2]',
    ]);
    for (const text of refused) expect([text, read(text, 'float32', [2])]).toEqual([text, undefined]);
    expect(read('[[1,2],[3]]', 'float32', [null, null])).toBeUndefined();
    expect(read('[300]', 'uint8', [1])).toBeUndefined();
    expect(read('[1.5]', 'int32', [1])).toBeUndefined();
    expect(read('[1e39]', 'float32', [1])).toBeUndefined();
    expect(read('[1e999]', 'float64', [1])).toBeUndefined();
    expect(read('[1]', 'int64', [1])).toBeUndefined();
  });

  it('never accept a changed text that JSON.parse refuses or reads otherwise', () => {
    const whole = '[[0.25,-1e-3,0],[12345678.875,3,1.0]]';
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.constantFrom(...Array.from('0123456789-+.eE,[]{}" nt\n')),
        fc.boolean(),
        (at, char, insert) => {
          const text = whole.slice(0, at) + char + whole.slice(insert ? at : at + 1);
          const found = read(text, 'float32', [2, 3]);
          if (!found || found.end !== text.length) return;
          expect(bits(found.tensor.data)).toBe(bits(reference(text, 'float32', [2, 3])!.data));
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
