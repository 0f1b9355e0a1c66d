/**
 * Where a tokenizer puts its special tokens: around a text, and around and between the two of a pair. Read from
 * `post_processor` of tokenizer.json, whose forms are those of https://docs.rs/tokenizers (processors).
 */
import { z } from 'zod';

/** `sequence` is the place of a text in the row; `type` goes into the model's token types. */
export type Slot = { sequence: 0 | 1; type: number } | { id: number; type: number };

export interface Template {
  single: Slot[];
  /** Undefined where the file has no form for two texts. */
  pair: Slot[] | undefined;
}

const token = z.tuple([z.string(), z.number().int()]);
const piece = z.union([
  z.object({ SpecialToken: z.object({ id: z.string(), type_id: z.number().int() }) }),
  z.object({ Sequence: z.object({ id: z.enum(['A', 'B']), type_id: z.number().int() }) }),
]);
const processor = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel') }),
  z.object({ type: z.literal('BertProcessing'), sep: token, cls: token }),
  z.object({ type: z.literal('RobertaProcessing'), sep: token, cls: token }),
  z.object({
    type: z.literal('TemplateProcessing'),
    single: z.array(piece),
    pair: z.array(piece),
    special_tokens: z.record(z.string(), z.object({ ids: z.array(z.number().int()) })),
  }),
]);
type Processor = z.infer<typeof processor>;
const several = z.object({ type: z.literal('Sequence'), processors: z.array(processor) });
const anyProcessor = z.union([processor, several]).nullish();

const A: Slot = { sequence: 0, type: 0 };

/** @throws Error for whoever made the package. */
export function templateOf(raw: unknown): Template {
  const parsed = anyProcessor.safeParse(raw);
  if (!parsed.success) {
    throw new Error(
      'post_processor is of a kind that is not read; expected TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, or a Sequence of them',
    );
  }
  const given = parsed.data;
  const list = !given ? [] : given.type === 'Sequence' ? given.processors : [given];
  // ByteLevel only moves offsets, which nobody asks for here.
  const [only, ...others] = list.filter(({ type }) => type !== 'ByteLevel');
  if (others.length > 0) throw new Error('post_processor adds special tokens in several steps; expected one');
  return only ? layOut(only) : { single: [A], pair: [A, { sequence: 1, type: 1 }] };
}

function layOut(from: Processor): Template {
  switch (from.type) {
    case 'BertProcessing': {
      const [cls, sep] = [
        { id: from.cls[1], type: 0 },
        { id: from.sep[1], type: 0 },
      ];
      return { single: [cls, A, sep], pair: [cls, A, sep, { sequence: 1, type: 1 }, { ...sep, type: 1 }] };
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [
        { id: from.cls[1], type: 0 },
        { id: from.sep[1], type: 0 },
      ];
      return { single: [cls, A, sep], pair: [cls, A, sep, sep, { sequence: 1, type: 0 }, sep] };
    }
    case 'TemplateProcessing': {
      const slots = (pieces: typeof from.single): Slot[] =>
        pieces.flatMap((each): Slot[] => {
          if ('Sequence' in each) return [{ sequence: each.Sequence.id === 'A' ? 0 : 1, type: each.Sequence.type_id }];
          const { id, type_id: type } = each.SpecialToken;
          const known = from.special_tokens[id];
          if (!known)
            throw new Error(`post_processor.special_tokens lacks ${JSON.stringify(id)}, which its template uses`);
          return known.ids.map((one) => ({ id: one, type }));
        });
      const pair = slots(from.pair);
      const isPair = pair.some((slot) => 'sequence' in slot && slot.sequence === 1);
      return { single: slots(from.single), pair: isPair ? pair : undefined };
    }
    case 'ByteLevel':
      return { single: [A], pair: undefined };
  }
}
