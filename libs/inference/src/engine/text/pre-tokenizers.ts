/**
 * Pre-tokenizers whose expressions in the library are not those of its Rust original: there a word, a digit, a blank and a
 * mark are what Unicode says, here what JavaScript's \w, \d and \s say, so that "café" was two words. Each is written as
 * a Split, for which the library takes any expression. Source: tokenizers/src/pre_tokenizers of huggingface/tokenizers;
 * \w as in docs.rs/regex, "Unicode".
 */
interface PreTokenizer {
  type?: string;
  pretokenizers?: PreTokenizer[];
  individual_digits?: boolean;
  behavior?: string;
}

const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';
const BLANK = '\\p{White_Space}';
const MARK = '[\\p{P}!-\\/:-@\\[-`{-~]';

/** The same, in words that the library reads as meant. What is not known here stays as it is. */
export function readAsMeant(step: PreTokenizer | null | undefined): object | null {
  switch (step?.type) {
    case 'Sequence':
      return { ...step, pretokenizers: step.pretokenizers?.map(readAsMeant) };
    case 'Whitespace':
      return matches(`[${WORD}]+|[^${WORD}${BLANK}]+`);
    case 'WhitespaceSplit':
      return matches(`[^${BLANK}]+`);
    case 'Digits':
      return step.individual_digits ? apart('\\p{N}') : apart('\\p{N}+');
    case 'Punctuation':
      return (step.behavior ?? 'Isolated') === 'Isolated' ? apart(MARK) : step;
    default:
      return step ?? null;
  }
}

/** Words are what the expression finds. */
function matches(expression: string): object {
  return { type: 'Split', pattern: { Regex: expression }, behavior: 'Removed', invert: true };
}

/** What the expression finds is a word each time, and what lies between too. */
function apart(expression: string): object {
  return { type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false };
}
