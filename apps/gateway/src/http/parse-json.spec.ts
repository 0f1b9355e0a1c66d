import * as fc from 'fast-check';
import { MAX_JSON_DEPTH, parseJson } from './parse-json.js';

const nested = (inner: unknown, levels: number): unknown =>
  Array.from({ length: levels }).reduce((value) => [value], inner);
const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('a JSON body', () => {
  it('may nest as deep as allowed and no deeper, whatever its strings hold', () => {
    const piece = fc.oneof(
      fc.constantFrom('\\', '"', '[', ']', '{', '}', '\\"', '\n', 'ä', '\u{1f600}'),
      fc.nat(200).map((length) => 'A'.repeat(length)),
      fc.nat(200).map((length) => '\\'.repeat(length)),
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (texts) => {
        const deepest = nested(texts, MAX_JSON_DEPTH - 1);
        expect(parseJson(body(deepest))).toEqual(deepest);
        expect(() => parseJson(body([...texts, nested(texts, MAX_JSON_DEPTH - 1)]))).toThrow(
          expect.objectContaining({ code: 'JSON_TOO_DEEP' }),
        );
      }),
    );
  });

  it('that ends within a string, long or short, is malformed', () => {
    for (const text of ['"', '"\\', `"${'A'.repeat(500)}`, `["${'A'.repeat(500)}\\"`, `"${'\\'.repeat(65)}`]) {
      expect(() => parseJson(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'JSON_MALFORMED' }));
    }
  });
});
