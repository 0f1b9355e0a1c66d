/** Rows of ids are those that Python's tokenizers makes, for one text and for two, short and long. */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixtureModel } from '../../../../../test/fixtures/packages.js';
import { tinyTexts } from '../../../../../test/fixtures/texts.js';
import { TextEncoder } from './encoder.js';
import { Tokenizer } from './tokenizer.js';
import { wordPieces } from './word-piece.js';

const file = JSON.parse(readFileSync(join(fixtureModel('tiny_embedding'), 'tokenizer.json'), 'utf8')) as {
  model: { vocab: Record<string, number> };
  post_processor: object;
};
const encoder = new TextEncoder(file, undefined);
const { texts, ids, pairs, others } = tinyTexts();

describe('a row of ids', () => {
  it.each(texts.map((text, i) => [text, ids[i]!] as const))("of %j is Python's", (text, expected) => {
    expect(encoder.encode(text).ids).toEqual(expected);
  });

  it("of two texts is Python's, types too, the longer cut first", () => {
    const rows = texts.map((text, i) => encoder.encode(text, texts.at(-1 - i)));
    expect(rows.map(({ ids, types }) => ({ ids, types }))).toEqual(pairs);
  });

  it.each(others)("by $kind is Python's", ({ file: other, texts: theirs, ids: expected }) => {
    const encoder = new TextEncoder(other, undefined);
    expect(theirs.map((text) => encoder.encode(text).ids)).toEqual(expected);
  });

  it('of one text that fills it is not called cut', () => {
    expect(encoder.encode('a '.repeat(14))).toMatchObject({ cut: false });
    expect(encoder.encode('a '.repeat(15))).toMatchObject({ cut: true });
  });

  it('is as long as the package says, then the tokenizer, then 512', () => {
    expect(encoder.maxLength).toBe(16);
    expect(new TextEncoder(file, 4).encode('a b c').ids).toEqual([2, 4, 5, 3]);
    expect(new TextEncoder({ ...file, truncation: null }, undefined).maxLength).toBe(512);
  });

  const marks = { cls: ['[CLS]', 2], sep: ['[SEP]', 3] };
  it.each([
    {
      processor: { type: 'BertProcessing', ...marks },
      single: [2, 4, 3],
      pair: [2, 4, 3, 5, 3],
      types: [0, 0, 0, 1, 1],
    },
    {
      processor: { type: 'RobertaProcessing', ...marks },
      single: [2, 4, 3],
      pair: [2, 4, 3, 3, 5, 3],
      types: [0, 0, 0, 0, 0, 0],
    },
    { processor: { type: 'Sequence', processors: [{ type: 'ByteLevel' }] }, single: [4], pair: [4, 5], types: [0, 1] },
    { processor: null, single: [4], pair: [4, 5], types: [0, 1] },
  ])('has its special tokens where $processor puts them', ({ processor, single, pair, types }) => {
    const other = new TextEncoder({ ...file, post_processor: processor }, undefined);
    expect(other.encode('a').ids).toEqual(single);
    expect(other.encode('a', 'b')).toMatchObject({ ids: pair, types });
  });

  it('takes its padding from the file, or by the usual names', () => {
    expect(encoder.pad).toEqual({ id: 0, type: 0 });
    const padding = { strategy: 'BatchLongest', pad_id: 7, pad_type_id: 1, pad_token: 'x' };
    expect(new TextEncoder({ ...file, padding }, undefined).pad).toEqual({ id: 7, type: 1 });
  });
});

describe('a long text', () => {
  const tokenizer = new Tokenizer(file);
  const letters = fc.constantFrom(...Array.from('abcdefghijk  .,!?\n\tÄéß中\u{20000}Σ\u{1f600}\u0301'));
  const words = fc.string({ unit: letters, maxLength: 40 });

  it('gives the ids that all of it begins with', () => {
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (some, most) => {
        const text = some.join(' ').repeat(Math.ceil(8_000 / (some.join(' ').length + 1)));
        const { ids: all } = tokenizer.first(text, Infinity);
        expect(tokenizer.first(text, most)).toEqual({ ids: all.slice(0, most), more: all.length > most });
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['one word', 'x'.repeat(20_000), 1],
    ['no blank', '.x'.repeat(10_000), 20_000],
    ['blanks', ' '.repeat(20_000), 0],
    // Half of it has pieces; the whole is too long for any.
    ['a word that the cut goes through', `a a a a a ${'\u0001'.repeat(768)}${'q'.repeat(200)}`, 6],
    ['half emoji', '\u{1f600}'.repeat(20_000), 1],
  ])('of %s too', (_, text, all) => {
    const { ids: first, more } = tokenizer.first(text, 10);
    expect({ count: first.length, more }).toEqual({ count: Math.min(10, all), more: all > 10 });
  });
});

describe('word pieces', () => {
  const vocab = new Set(Object.keys(file.model.vocab));
  const model = { unknown: '[UNK]', prefix: '##', longestWord: 100, longestToken: 5 };

  it("are the library's", () => {
    const { Tokenizer: Library } = jest.requireActual<{
      Tokenizer: new (file: object, config: object) => { model: { encode(words: string[]): string[] } };
    }>('@huggingface/tokenizers');
    const theirs = new Library({ ...file, post_processor: null }, {}).model;
    const word = fc.string({
      unit: fc.constantFrom(...Array.from('abcdefsing\u{20000}é')),
      minLength: 1,
      maxLength: 120,
    });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (some) => {
        expect(wordPieces(some, { ...model, has: (token) => vocab.has(token) })).toEqual(theirs.encode(some));
      }),
    );
  });

  it('take no more looks than letters times the longest token', () => {
    let looks = 0;
    const has = (token: string): boolean => {
      looks++;
      return vocab.has(token);
    };
    wordPieces(['q'.repeat(100), `${'q'.repeat(99)}é`, 'q'.repeat(101)], { ...model, has });
    expect(looks).toBeLessThanOrEqual(200 * 5);
  });
});

it('a tokenizer of a kind that the library does not have is refused, for it would lose what it does not know', () => {
  const words = { ...file, model: { type: 'Characters', vocab: { '[UNK]': 0, a: 1 }, unk_token: '[UNK]' } };
  expect(() => new TextEncoder(words, undefined)).toThrow(
    'holds a model of the kind "Characters"; expected WordPiece, BPE, Unigram, WordLevel',
  );
});
