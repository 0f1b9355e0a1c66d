import fc from 'fast-check';
import { SluiceError } from '../errors.js';
import { allocate, bytesPerElement, DTYPES, viewAs, type Dtype } from './dtype.js';
import { fromFloat16Bits, toFloat16Bits } from './float16.js';
import { concatRows, decodeFrame, encodeFrame, signatureOf, sliceRows, type Tensor } from './frame.js';
import { tensorFromJson } from './from-json.js';
import { rowsToJson, tensorToJson } from './to-json.js';

const numeric = DTYPES.filter((dtype) => dtype !== 'string');

const tensors = fc
  .record({
    name: fc.string({ maxLength: 20 }),
    dtype: fc.constantFrom<Dtype>(...DTYPES),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
  })
  .map(({ name, dtype, shape, seed }): Tensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    if (dtype === 'string') return { name, dtype, shape, data: Array.from({ length: count }, (_, i) => `é${i}`) };
    const bytes = new Uint8Array(count * bytesPerElement(dtype)).map(() => seed.next().value as number);
    return { name, dtype, shape, data: viewAs(dtype, bytes) };
  });

const bytesOf = (t: Tensor) =>
  Array.isArray(t.data) ? t.data : Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength).toString('hex');

describe('a tensor frame', () => {
  it('gives back every tensor bit for bit', () => {
    fc.assert(
      fc.property(fc.array(tensors, { minLength: 1, maxLength: 5 }), (given) => {
        const back = decodeFrame(encodeFrame(given));
        expect(back.map((t) => [t.name, t.dtype, t.shape, bytesOf(t)])).toEqual(
          given.map((t) => [t.name, t.dtype, t.shape, bytesOf(t)]),
        );
      }),
    );
  });

  it('is read the same from an odd offset', () => {
    const frame = encodeFrame([{ name: 'x', dtype: 'float64', shape: [2], data: Float64Array.of(1.5, -2) }]);
    const shifted = Buffer.concat([Buffer.from([9]), frame]).subarray(1);
    expect(decodeFrame(shifted)[0]!.data).toEqual(Float64Array.of(1.5, -2));
  });

  it('refuses cut or garbled bytes with a RangeError and nothing else', () => {
    const frame = encodeFrame([{ name: 'x', dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]);
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(255), fc.nat(frame.length), (at, value, length) => {
        const bad = Buffer.from(frame);
        bad[at] = value;
        try {
          decodeFrame(bad.subarray(0, length));
        } catch (error) {
          expect((error as Error).name).toBe('RangeError');
        }
      }),
    );
  });

  it('cuts rows and joins them again', () => {
    const whole: Tensor = { name: 'x', dtype: 'int16', shape: [4, 2], data: Int16Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    const parts = [sliceRows(whole, 0, 1), sliceRows(whole, 1, 4)];
    expect(concatRows(parts)).toEqual(whole);
  });

  it('has one signature for what may share a batch', () => {
    const of = (shape: number[], dtype: Dtype = 'float32') => [
      { name: 'x', dtype, shape, data: allocate('float32', 0) },
    ];
    expect(signatureOf(of([1, 3]), true)).toBe(signatureOf(of([9, 3]), true));
    expect(signatureOf(of([1, 3]), true)).not.toBe(signatureOf(of([1, 4]), true));
    expect(signatureOf(of([1, 3]), true)).not.toBe(signatureOf(of([1, 3], 'int8'), true));
  });
});

describe('float16', () => {
  it('keeps every one of its 65 536 values through a number and back', () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = fromFloat16Bits(bits);
      if (Number.isNaN(value)) expect(Number.isNaN(fromFloat16Bits(toFloat16Bits(value)))).toBe(true);
      else if (toFloat16Bits(value) !== bits)
        throw new Error(`0x${bits.toString(16)} came back as 0x${toFloat16Bits(value).toString(16)}`);
    }
  });

  it('rounds to the nearest, halves to even', () => {
    expect(fromFloat16Bits(toFloat16Bits(2_049))).toBe(2_048);
    expect(fromFloat16Bits(toFloat16Bits(2_051))).toBe(2_052);
    expect(fromFloat16Bits(toFloat16Bits(1e-8))).toBe(0);
    expect(fromFloat16Bits(toFloat16Bits(70_000))).toBe(Infinity);
  });
});

describe('tensors from JSON', () => {
  const read = (dtype: Dtype, shape: (number | null)[], value: unknown) =>
    tensorFromJson({ name: 'x', dtype, shape, value, path: 'input' });
  const refusal = (dtype: Dtype, shape: (number | null)[], value: unknown): string => {
    try {
      read(dtype, shape, value);
    } catch (error) {
      if (error instanceof SluiceError) return `${error.code}: ${error.message}`;
    }
    return 'accepted';
  };

  it.each(numeric)('comes back from %s as it went in', (dtype) => {
    const value = dtype === 'bool' ? [[true], [false]] : [[1], [100]];
    expect(JSON.parse(tensorToJson(read(dtype, [null, 1], value)))).toEqual(value);
  });

  it('takes free axes from the first element and a scalar without brackets', () => {
    expect(
      read(
        'float32',
        [null, null],
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ).shape,
    ).toEqual([2, 3]);
    expect(read('float32', [], 5)).toMatchObject({ shape: [], data: Float32Array.of(5) });
    expect(read('string', [null], ['a', 'b']).data).toEqual(['a', 'b']);
  });

  it('keeps all digits of 64-bit integers, as numbers or as strings', () => {
    const big = read('int64', [2], ['9223372036854775807', -5]);
    expect(tensorToJson(big)).toBe('[9223372036854775807,-5]');
    expect(refusal('int64', [1], [9007199254740993])).toMatch(/strings of digits/);
    expect(refusal('int64', [1], ['9223372036854775808'])).toMatch(/int64/);
    expect(refusal('uint64', [1], [-1])).toMatch(/uint64/);
  });

  it('says where a wrong shape or value is, what came and what was expected', () => {
    expect(
      refusal(
        'float32',
        [2, 3],
        [
          [1, 2, 3],
          [4, 5],
        ],
      ),
    ).toBe('INPUT_INVALID: input[1] is an array of 2 values; an array of 3 values was expected.');
    expect(refusal('float32', [2], [1, 'x'])).toBe(
      'INPUT_INVALID: input[1] is the string "x"; a value that fits float32 was expected.',
    );
    expect(refusal('float32', [2], 7)).toBe('INPUT_INVALID: input is 7; an array of 2 values was expected.');
    expect(refusal('float32', [null, 2], [[1, 2], null])).toBe(
      'INPUT_INVALID: input[1] is null; an array of 2 values was expected.',
    );
    expect(refusal('float32', [2], undefined)).toMatch(/missing/);
  });

  it('refuses what a dtype cannot hold instead of bending it', () => {
    expect(refusal('float32', [1], [1e39])).toMatch(/float32/);
    expect(refusal('float64', [1], [JSON.parse('1e999')])).toMatch(/float64/);
    expect(refusal('float16', [1], [70_000])).toMatch(/float16/);
    expect(refusal('uint8', [1], [256])).toMatch(/uint8/);
    expect(refusal('int32', [1], [1.5])).toMatch(/int32/);
    expect(refusal('bool', [1], [2])).toMatch(/bool/);
  });

  it('never accepts a shape other than the one stated', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 4 }), { maxLength: 4 }),
        (value) => {
          const fits = value.length === 2 && value.every((row) => row.length === 3);
          return (refusal('float32', [2, 3], value) === 'accepted') === fits;
        },
      ),
    );
  });
});

describe('tensors to JSON', () => {
  it('writes rows along the first axis and names what JSON has no number for', () => {
    const tensor: Tensor = {
      name: 'x',
      dtype: 'float32',
      shape: [2, 2],
      data: Float32Array.of(1, NaN, Infinity, -0.5),
    };
    expect(rowsToJson(tensor)).toEqual(['[1,"NaN"]', '["Infinity",-0.5]']);
  });
});
