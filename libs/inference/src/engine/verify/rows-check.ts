/**
 * Batch invariance: a row must come out of a run as it does by itself, whoever its neighbours are.
 *
 * Two questions for every size of run. Is a row among others what it is alone? Kernels round differently at different
 * sizes, so this is asked of plausible values only, and broadly. Does a row change when its neighbours do, in the same
 * place of a run of the same size? Nothing rounds differently then, so this is asked sharply, and with neighbours far
 * outside of what is plausible: it is what lets one caller spoil another's answer.
 *
 * Invariants: a model that mixes rows, or of which it cannot be told, is served one row a run; where runs of a size fail,
 * or would take too much time or memory (run-sizes.ts), it is served with fewer: never with more than have run. These are
 * warnings that say so. The first question is always asked, the second as far as the time goes.
 */
import type { ExecutorInput } from '../../contract/executor-messages.js';
import type { Tensor } from '../../tensor/frame.js';
import { differenceOf, Sizes, tolerancesOf, type Difference } from './compare-tensors.js';
import type { RowKind } from './made-up/kinds.js';
import { RunSizes } from './run-sizes.js';
import { PASSED, type Outcome, type Subject } from './subject.js';

const KIBIBYTE = 1_024;
const QUANTIZED = /Quantize|QLinear|Integer|QGemm|QAttention/;

/** Rows influence each other, as far as is known; the message says how it showed. */
class Mixed extends Error {}

export async function checkRows(subject: Subject): Promise<Outcome> {
  const { model, found } = subject;
  const { description } = model!;
  found({ rowsMix: false });
  if (description.maxBatchSize === 1) {
    const why = description.batched ? 'One row is one run.' : 'The model has no batch axis: one request is one run.';
    return { status: 'skipped', message: why };
  }
  try {
    return await new RowComparison(subject).whole();
  } catch (error) {
    if (!(error instanceof Mixed)) throw error;
    subject.maxRows = 1;
    found({ rowsMix: true, maxBatchSize: 1, description: { ...subject.description!, maxBatchSize: 1 } });
    return { status: 'warned', message: `${error.message} It is served with one row a run.` };
  }
}

class RowComparison {
  private readonly sizes = new Sizes();
  private readonly tolerances;
  private readonly pool: ExecutorInput[];
  private readonly strangers: RowKind[];
  private compared = 0;

  constructor(private readonly subject: Subject) {
    const { header, kinds, alone, model } = subject;
    this.tolerances = tolerancesOf({
      isQuantized: Object.keys(header?.operators ?? {}).some((name) => QUANTIZED.test(name)),
      isPadded: model!.task.text !== undefined,
    });
    const [first, ...others] = kinds!;
    this.pool = first!.rows;
    // Beside equal rows an odd one shows most.
    this.strangers = this.pool.length > 1 ? others : kinds!;
    for (const { isPlausible, rows } of kinds!) {
      if (isPlausible) for (const row of rows) this.sizes.add(alone!.get(row)!.own);
    }
  }

  async whole(): Promise<Outcome> {
    const { subject, pool } = this;
    await this.twice(pool[0]!);
    const end = performance.now() + subject.order.rowsMs;
    const among = new Map<number, Tensor[][]>();
    let limit: string | undefined;
    const sizes = this.sizesToTry();
    let most = 1;
    for (let size = sizes.next(most); size !== undefined; size = sizes.next(most)) {
      subject.runner.expect(subject.rows!.times.estimate(size));
      try {
        among.set(size, await this.amongOthers(size));
        most = size;
      } catch (error) {
        if (error instanceof Mixed) throw error;
        limit = this.failing(size, most, error as Error);
        break;
      }
    }
    limit ??= sizes.obstacle && `${sizes.obstacle} ${this.limited(most)}`;
    let skipped = 0;
    for (const [size, outputs] of among) {
      for (const kind of this.strangers) {
        if (performance.now() > end) skipped++;
        else await this.besideStrangers(size, outputs, kind);
      }
    }
    if (limit !== undefined) return { status: 'warned', message: limit };
    if (skipped === 0) return PASSED;
    return { status: 'passed', message: `${this.compared} runs were compared, which was as far as the time went.` };
  }

  /** A model that answers by chance cannot be compared with itself. */
  private async twice(row: ExecutorInput): Promise<void> {
    const { rows, alone, at } = this.subject;
    at('a second run of the same row');
    const [own] = await (await rows!.run([row])).byRow();
    const difference = differenceOf(own!, alone!.get(row)!.own, {
      sizes: this.sizes,
      tolerances: this.tolerances.beside,
    });
    if (!difference) return;
    throw new Mixed(
      `The same row came out differently twice, ${said(difference)}: whether rows influence each other cannot be told.`,
    );
  }

  private async amongOthers(size: number): Promise<Tensor[][]> {
    const { sizes, tolerances } = this;
    const company = cycled(this.pool, size);
    const outputs = await this.together(company, `a run of ${size} rows of ${this.subject.kinds![0]!.name}`);
    for (const [i, row] of company.entries()) {
      const difference = differenceOf(outputs[i]!, this.subject.alone!.get(row)!.own, {
        sizes,
        tolerances: tolerances.alone,
      });
      if (difference)
        throw new Mixed(`A row came out differently in a run of ${size} rows than by itself, ${said(difference)}.`);
    }
    return outputs;
  }

  /** Every second row is replaced, first the ones and then the others; those that stay must not change. */
  private async besideStrangers(size: number, before: readonly Tensor[][], { name, rows }: RowKind): Promise<void> {
    const { sizes, tolerances } = this;
    const company = cycled(this.pool, size);
    for (const stays of [0, 1]) {
      const mixed = company.map((row, i) => (i % 2 === stays ? row : rows[i % rows.length]!));
      const outputs = await this.together(mixed, `a run of ${size} rows, some of ${name}`);
      for (let i = stays; i < size; i += 2) {
        const difference = differenceOf(outputs[i]!, before[i]!, { sizes, tolerances: tolerances.beside });
        if (!difference) continue;
        throw new Mixed(
          `In a run of ${size} rows, a row came out differently beside ${name} than beside others, ${said(difference)}.`,
        );
      }
    }
  }

  private async together(inputs: readonly ExecutorInput[], step: string): Promise<Tensor[][]> {
    this.subject.at(step);
    const { outputs, byRow } = await this.subject.rows!.run(inputs);
    this.compared++;
    const odd = outputs.find(({ shape }) => shape[0] !== inputs.length);
    if (!odd) return byRow();
    throw new Mixed(`The output "${odd.name}" came with ${odd.shape[0] ?? 'no'} rows of a run of ${inputs.length}.`);
  }

  private sizesToTry(): RunSizes {
    const { maxRows: most = 1, rows, order } = this.subject;
    const peakBytes = (): number => process.resourceUsage().maxRSS * KIBIBYTE;
    return new RunSizes({ most, times: rows!.times, memoryBytes: order.memoryBytes, peakBytes });
  }

  private failing(size: number, most: number, error: Error): string {
    return (
      `A run of ${size} rows fails, while ${most === 1 ? 'a row by itself' : `${most} rows`} ran: ${error.message}` +
      ` ${this.limited(most)} Export it with a free batch axis, or lower batching.maxBatchSize.`
    );
  }

  private limited(most: number): string {
    const { subject } = this;
    subject.maxRows = most;
    subject.found({ maxBatchSize: most, description: { ...subject.description!, maxBatchSize: most } });
    return `It is served with at most ${most} row${most === 1 ? '' : 's'} a run.`;
  }
}

function cycled(rows: readonly ExecutorInput[], size: number): ExecutorInput[] {
  return Array.from({ length: size }, (_, i) => rows[i % rows.length]!);
}

function said({ output, by, size }: Difference): string {
  if (by === Infinity) return `"${output}" by values that are no numbers`;
  return `"${output}" by ${Number(by.toPrecision(3))} of ${Number(size.toPrecision(3))}`;
}
