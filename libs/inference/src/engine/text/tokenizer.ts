/**
 * Text to the ids of its tokens, as Python's `tokenizers` gives them, by the tokenizer.json of the Hugging Face format.
 *
 * The library does it in JavaScript, on the executor's main thread. Invariants: no special token is added here
 * (template.ts does); of a long text only as much is read as the wanted ids depend on, and no text that a caller may
 * send takes more than a fraction of a second (docs/decisions/0014).
 */
import * as tokenizers from '@huggingface/tokenizers';
import { readAsMeant } from './pre-tokenizers.js';
import { wordPieces } from './word-piece.js';

/** Of any other the library takes the vocabulary and loses every token that is not in it. */
const KINDS = ['WordPiece', 'BPE', 'Unigram', 'WordLevel'];
/** More than a token usually has, so that the first look at a long text is nearly always the last. */
const CHARACTERS_A_TOKEN = 6;
/** The last ids of a cut text are not believed: its last word may have been cut, and WordPiece makes up to 100 of one. */
const UNSURE = 128;
/** How far back from a cut a blank is looked for. */
const WORD = 256;
const CAPITAL_SIGMA = /Σ/g;
/** What BERT's normalizer takes for Chinese beyond the first 65 536 characters, where the library does not look. */
const RARE_CHINESE =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/** Of the library's class, whose own types this project's module resolution does not follow. */
interface Library {
  model: {
    encode(words: string[]): string[];
    /** Of several unknown tokens in a row one is kept. */
    fuse_unk: boolean;
    unk_token_id?: number;
  };
  /** An id is missing where the vocabulary has neither the token nor one for what is unknown. */
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  token_to_id(token: string): number | undefined;
}

const { Tokenizer: LibraryTokenizer } = tokenizers as unknown as {
  Tokenizer: new (file: object, config: object) => Library;
};

export interface FirstIds {
  ids: number[];
  /** Whether the text has more. */
  more: boolean;
}

/** The parts of tokenizer.json that are looked at here. */
interface TokenizerFile {
  normalizer?: Normalizer | null;
  pre_tokenizer?: object | null;
  model?: {
    type?: string;
    vocab?: object;
    unk_token?: string;
    continuing_subword_prefix?: string;
    max_input_chars_per_word?: number;
  };
  added_tokens?: { content: string }[];
}

interface Normalizer {
  type?: string;
  normalizers?: Normalizer[];
  lowercase?: boolean;
  handle_chinese_chars?: boolean;
}

export class Tokenizer {
  private readonly library: Library;
  private readonly lowers: boolean;
  private readonly spacesChinese: boolean;

  /** @throws Error when the library does not read the file. */
  constructor(file: object) {
    const { normalizer, model, pre_tokenizer } = file as TokenizerFile;
    const kind = model?.type;
    if (kind !== undefined && !KINDS.includes(kind)) {
      throw new Error(`holds a model of the kind "${kind}"; expected ${KINDS.join(', ')}`);
    }
    const read = {
      pre_tokenizer: readAsMeant(pre_tokenizer),
      post_processor: null,
      // Of a model that it does not know the library makes one for names of languages.
      ...(kind === 'WordLevel' && { model: { ...model, type: 'WordPiece' } }),
    };
    this.library = new LibraryTokenizer({ added_tokens: [], ...file, ...read }, {});
    const steps = normalizer ? (normalizer.normalizers ?? [normalizer]) : [];
    this.lowers = steps.some(({ type, lowercase }) => type === 'Lowercase' || (type === 'BertNormalizer' && lowercase));
    this.spacesChinese = steps.some((step) => step.type === 'BertNormalizer' && step.handle_chinese_chars);
    if (model?.type === 'WordLevel')
      this.library.model.encode = (words) => words.map((word) => this.known(word, model));
    if (model?.type === 'WordPiece') this.cutInTime(file);
    if (this.library.model.fuse_unk) this.fuseInTime();
  }

  idOf(token: string): number | undefined {
    return this.library.token_to_id(token);
  }

  /** The first `most` ids of the text. */
  first(text: string, most: number): FirstIds {
    for (let length = CHARACTERS_A_TOKEN * (most + UNSURE); length < text.length; length *= 2) {
      const ids = this.idsOf(text.slice(0, cutBefore(text, length)));
      if (ids.length >= most + UNSURE) return { ids: ids.slice(0, most), more: true };
    }
    const ids = this.idsOf(text);
    return { ids: ids.slice(0, most), more: ids.length > most };
  }

  /**
   * The library differs from Python in two places that people meet: JavaScript makes a Σ that ends a word another
   * letter (ς), and Chinese characters of the supplementary planes are not set apart.
   */
  private idsOf(text: string): number[] {
    const lowered = this.lowers ? text.replace(CAPITAL_SIGMA, 'σ') : text;
    const spaced = this.spacesChinese ? lowered.replace(RARE_CHINESE, ' $& ') : lowered;
    const { ids } = this.library.encode(spaced, { add_special_tokens: false });
    return ids.filter((id) => id !== undefined);
  }

  private known(word: string, { unk_token = '' }: NonNullable<TokenizerFile['model']>): string {
    return this.idOf(word) === undefined ? unk_token : word;
  }

  /** The library looks up each beginning of a run of unknown tokens, all of it: 16 kB of them take three seconds. */
  private fuseInTime(): void {
    const { library } = this;
    const { model } = library;
    const encode = model.encode.bind(model);
    const isUnknown = (token: string | undefined): boolean =>
      token !== undefined && (library.token_to_id(token) ?? model.unk_token_id) === model.unk_token_id;
    model.fuse_unk = false;
    model.encode = (words) => encode(words).filter((token, i, all) => !isUnknown(token) || !isUnknown(all[i - 1]));
  }

  private cutInTime({ model = {}, added_tokens = [] }: TokenizerFile): void {
    const { library } = this;
    const tokens = [...Object.keys(model.vocab ?? {}), ...added_tokens.map(({ content }) => content)];
    const pieces = {
      has: (token: string) => library.token_to_id(token) !== undefined,
      unknown: model.unk_token ?? '',
      prefix: model.continuing_subword_prefix ?? '',
      longestWord: model.max_input_chars_per_word ?? 100,
      longestToken: tokens.reduce((most, token) => Math.max(most, token.length), 0),
    };
    library.model.encode = (words) => wordPieces(words, pieces);
  }
}

/** Behind the last blank near there, or there, but not inside a surrogate pair. */
function cutBefore(text: string, length: number): number {
  for (let at = length; at > length - WORD; at--) if (/\s/.test(text[at]!)) return at;
  const isLow = (text.charCodeAt(length) & 0xfc00) === 0xdc00;
  return isLow ? length - 1 : length;
}
