/** Made-up texts for a model that takes texts: of different lengths, so that its padding is tried as well. */
import type { ExecutorInput } from '../../../contract/executor-messages.js';
import { BETWEEN_TEXTS } from '../../../contract/input-type.js';
import type { ModelDescription } from '../../../contract/model-description.js';
import { RANDOM_ROWS, type RowKind } from './kinds.js';
import { Random } from './random.js';

const WORDS = (
  'the a of and to in is was for on with as by at from this that it not are be have which one two more time people ' +
  'water house book night train music river city winter friend answer question small bright quickly never always 42'
).split(' ');
/** As far from usual texts as callers get. */
const STRANGE = ['…!?', 'ΑΒΓ где 東京', '😀😀', 'xqzvk', 'A'];

export function textRows({ text }: ModelDescription): RowKind[] {
  const { maxBytes, pairs } = text!;
  const random = new Random(1);
  const words = (count: number, from = WORDS): string =>
    Array.from({ length: count }, () => from[random.upTo(from.length - 1)]).join(' ');
  const row = (whole: string): ExecutorInput => ({ type: 'text', rows: 1, bytes: bounded(whole, maxBytes) });
  const kind = (name: string, ...texts: string[]): RowKind => ({ name, isPlausible: true, rows: texts.map(row) });
  // As many tokens as it takes, and more.
  const long = words(Math.ceil(maxBytes / 4));
  const kinds = [
    kind('words', ...Array.from({ length: RANDOM_ROWS }, (_, i) => words(1 + i * 2))),
    kind('one letter', 'a'),
    kind('strange characters', words(4, STRANGE), words(9, STRANGE)),
    kind('long texts', long),
  ];
  if (!pairs) return kinds;
  const pair = Buffer.concat([Buffer.from(words(3)), Uint8Array.of(BETWEEN_TEXTS), Buffer.from(words(8))]);
  return [...kinds, { name: 'pairs of texts', isPlausible: true, rows: [{ type: 'text', rows: 1, bytes: pair }] }];
}

/** Cut where a character ends. */
function bounded(text: string, maxBytes: number): Uint8Array {
  let whole = text;
  while (Buffer.byteLength(whole) > maxBytes)
    whole = whole.slice(0, Math.floor((whole.length * maxBytes) / Buffer.byteLength(whole)));
  return Buffer.from(whole.replace(/\p{Surrogate}$/u, ''));
}
