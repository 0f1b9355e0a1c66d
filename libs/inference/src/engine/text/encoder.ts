/**
 * One or two texts to a row of token ids with its special tokens, cut to what the model takes: what
 * `tokenizer(text, truncation=True, max_length=…)` of Python's transformers gives.
 *
 * Invariant: special tokens are never cut off.
 */
import { z } from 'zod';
import { templateOf, type Slot, type Template } from './template.js';
import { Tokenizer } from './tokenizer.js';

const DEFAULT_LENGTH = 512;
/** Names of the padding token, where tokenizer.json does not say how to pad. */
const PADS = ['[PAD]', '<pad>', '<|pad|>', '<|endoftext|>'];

const file = z.looseObject({
  truncation: z.object({ max_length: z.number().int().positive(), direction: z.string().optional() }).nullish(),
  padding: z.object({ pad_id: z.number().int(), pad_type_id: z.number().int() }).nullish(),
  post_processor: z.unknown(),
  model: z.looseObject({}),
});

export interface TokenRow {
  ids: number[];
  types: number[];
  /** Whether something was cut off. */
  cut: boolean;
}

export class TextEncoder {
  /** Tokens of a row at most, special ones included. */
  readonly maxLength: number;
  readonly pad: { id: number; type: number };
  private readonly tokenizer: Tokenizer;
  private readonly template: Template;

  /**
   * @param raw tokenizer.json, parsed.
   * @throws Error that says what in it is wrong; the caller puts the file's name before.
   */
  constructor(raw: unknown, maxLength: number | undefined) {
    const parsed = file.safeParse(raw);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new Error(
        `is not a tokenizer of the Hugging Face format: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`,
      );
    }
    const { truncation, padding, post_processor } = parsed.data;
    if (truncation?.direction === 'Left') {
      throw new Error('cuts long texts at their beginning ("direction": "Left"); expected "Right"');
    }
    this.template = templateOf(post_processor);
    this.maxLength = maxLength ?? truncation?.max_length ?? DEFAULT_LENGTH;
    const specials = specialsIn(this.template.single);
    if (this.maxLength <= specials) {
      throw new Error(`adds ${specials} special tokens; text.maxLength ${this.maxLength} leaves no room for a text`);
    }
    this.tokenizer = open(parsed.data);
    this.pad = {
      id: padding?.pad_id ?? PADS.map((name) => this.tokenizer.idOf(name)).find((id) => id !== undefined) ?? 0,
      type: padding?.pad_type_id ?? 0,
    };
  }

  get takesPairs(): boolean {
    const { pair } = this.template;
    return pair !== undefined && this.maxLength > specialsIn(pair) + 1;
  }

  /** @throws Error for two texts where the tokenizer has no form for them. */
  encode(text: string, other?: string): TokenRow {
    const slots = other === undefined ? this.template.single : this.template.pair;
    if (!slots) throw new Error('The tokenizer has no form for two texts.');
    const room = this.maxLength - specialsIn(slots);
    if (other === undefined) {
      const { ids, more } = this.tokenizer.first(text, room);
      return row(slots, [ids, []], more);
    }
    const [one, two] = this.shared(text, other, room);
    return row(slots, [one.ids, two.ids], one.more || two.more);
  }

  /** The longer of the two is cut first, as by the strategy "longest_first". */
  private shared(text: string, other: string, room: number): [Cut, Cut] {
    let [one, two] = [this.tokenizer.first(text, room), this.tokenizer.first(other, room)];
    if (one.more && two.more)
      [one, two] = [this.tokenizer.first(text, Infinity), this.tokenizer.first(other, Infinity)];
    const [n1, n2] = lengths(one.ids.length, two.ids.length, room);
    return [cutTo(one, n1), cutTo(two, n2)];
  }
}

type Cut = ReturnType<Tokenizer['first']>;

function cutTo({ ids, more }: Cut, length: number): Cut {
  return { ids: ids.slice(0, length), more: more || ids.length > length };
}

/** `truncate_encodings` of the library's Rust original: the shorter keeps up to a half. */
function lengths(one: number, two: number, room: number): [number, number] {
  if (one + two <= room) return [one, two];
  const [short, half] = [Math.min(one, two), Math.floor(room / 2)];
  const [kept, rest] = short <= half ? [short, room - short] : [half, room - half];
  return one > two ? [rest, kept] : [kept, rest];
}

function row(slots: readonly Slot[], texts: readonly [number[], number[]], cut: boolean): TokenRow {
  const ids: number[] = [];
  const types: number[] = [];
  for (const slot of slots) {
    for (const id of 'id' in slot ? [slot.id] : texts[slot.sequence]) {
      ids.push(id);
      types.push(slot.type);
    }
  }
  return { ids, types, cut };
}

function specialsIn(slots: readonly Slot[]): number {
  return slots.filter((slot) => 'id' in slot).length;
}

function open(raw: object): Tokenizer {
  try {
    return new Tokenizer(raw);
  } catch (error) {
    throw new Error(`cannot be read: ${(error as Error).message}`);
  }
}
