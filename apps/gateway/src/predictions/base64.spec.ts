import * as fc from 'fast-check';
import { fromBase64 } from './base64.js';

const some = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));

describe('base64', () => {
  it('is decoded as it was encoded, padded or not, in both alphabets', () => {
    fc.assert(
      fc.property(some, (bytes) => {
        expect(fromBase64(bytes.toString('base64'))).toEqual(bytes);
        expect(fromBase64(bytes.toString('base64').replace(/=+$/, ''))).toEqual(bytes);
        expect(fromBase64(bytes.toString('base64url'))).toEqual(bytes);
      }),
    );
  });

  it('with any one character that is none is refused', () => {
    const other = fc.constantFrom(' ', '\n', '=', '!', '.', '\0', '\u007f', '\u00e9', '\u0141', '\u{1f600}');
    fc.assert(
      fc.property(some, fc.nat(), other, (bytes, place, character) => {
        const text = bytes.toString('base64').replace(/=+$/, '');
        const at = place % text.length;
        // At the very end an equals sign is padding.
        fc.pre(character !== '=' || at < text.length - 1);
        expect(fromBase64(text.slice(0, at) + character + text.slice(at))).toBeUndefined();
        expect(fromBase64(text.slice(0, at) + character + text.slice(at + 1))).toBeUndefined();
      }),
    );
  });

  it('of nothing, of padding alone, or cut within a byte is refused', () => {
    for (const text of ['', '=', '==', 'A', 'A==', 'AAAAA', 'AAAA====']) expect(fromBase64(text)).toBeUndefined();
  });
});
