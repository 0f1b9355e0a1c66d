// Proves: a flood on one version delays another by one batch, whatever came when, pictures or not; nothing idles meanwhile.
import fc from 'fast-check';
import { LineSlot } from '../../../../test/fixtures/line-slot.js';
import { item } from '../../../../test/fixtures/slots.js';
import { Batcher } from './batcher.js';
import { Dispatcher } from './dispatcher.js';
import type { Preparable } from './slot.js';

interface Model {
  /** Milliseconds of a run, whatever its rows. */
  ms: number;
  prepares: boolean;
}

interface Arrival {
  at: number;
  model: number;
  rows: number;
}

const MAX_BATCH = 4;

/** Runs to its end what arrives; one slot. */
function simulate(models: readonly Model[], arrivals: readonly Arrival[]) {
  let now = 0;
  const clock = { now: () => now };
  const batchers = models.map(({ ms }) => {
    const batcher = new Batcher<Preparable>({ maxBatchSize: MAX_BATCH, clock, dropped: () => undefined });
    for (let i = 0; i < 8; i++) batcher.latency.record(1 + (i % 4), ms);
    return batcher;
  });
  const slot = new LineSlot({
    now: clock.now,
    msOf: (version) => models[Number(version)]!.ms,
    batcherOf: (version) => batchers[Number(version)]!,
  });
  const dispatcher = new Dispatcher<Preparable>([slot], { clock, bulkRunMs: 50 });
  batchers.forEach((batcher, i) => dispatcher.serve(String(i), batcher));
  const idleWithWork: number[] = [];
  let next = 0;
  for (;;) {
    dispatcher.dispatch();
    if (slot.outstanding === 0 && batchers.some(({ depth }) => depth > 0)) idleWithWork.push(now);
    now = Math.min(slot.ends, arrivals[next]?.at ?? Infinity);
    if (now === Infinity) break;
    if (slot.ends === now) slot.end();
    for (; arrivals[next]?.at === now; next++) {
      const { model, rows } = arrivals[next]!;
      const { prepares } = models[model]!;
      for (let row = 0; row < rows; row++) {
        batchers[model]!.add(item(`${next}.${row}`, { since: now, prepares, deadline: 1e12 }));
      }
    }
  }
  return { ran: slot.ran, idleWithWork };
}

const someModels = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 100 }), prepares: fc.boolean() }), {
  minLength: 2,
  maxLength: 5,
});

const someArrivals = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 0, max: 60 }),
      model: fc.nat({ max: 4 }),
      rows: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((list) => {
    let at = 0;
    return list.map(({ gap, model, rows }) => ({ at: (at += gap), model, rows }));
  });

const scenes = fc
  .tuple(someModels, someArrivals)
  .map(([models, arrivals]) => ({ models, arrivals: arrivals.map((a) => ({ ...a, model: a.model % models.length })) }));

describe('fairness', () => {
  it('lets a version that comes new wait for one batch of each other at most, the one that runs among them', () => {
    fc.assert(
      fc.property(scenes, fc.nat({ max: 2_000 }), fc.boolean(), ({ models, arrivals }, at, prepares) => {
        const comer = { at, model: models.length, rows: 1 };
        const all = [...arrivals, comer].sort((x, y) => x.at - y.at);
        const { ran } = simulate([...models, { ms: 5, prepares }], all);
        const own = ran.findIndex(({ version }) => version === String(comer.model));
        const before = ran.slice(0, own).filter(({ ended }) => ended > at);
        const versions = before.map(({ version }) => version);
        expect(new Set(versions).size).toBe(versions.length);
      }),
      { numRuns: 200 },
    );
  });

  it('gives versions that always have something waiting the same time, up to a batch of each', () => {
    fc.assert(
      fc.property(someModels, (models) => {
        const flood = models.map((_, model) => ({ at: 0, model, rows: 200 }));
        const { ran } = simulate(models, flood);
        const had = models.map(() => 0);
        const left = models.map(() => 200);
        let worst = -Infinity;
        for (const { version, ids, began, ended } of ran) {
          had[Number(version)]! += ended - began;
          left[Number(version)]! -= ids.length;
          if (Math.min(...left) <= 0) break;
          for (const [i, mine] of had.entries()) {
            for (const [j, other] of had.entries())
              worst = Math.max(worst, mine - other - models[i]!.ms - models[j]!.ms);
          }
        }
        expect(worst).toBeLessThanOrEqual(0);
      }),
      { numRuns: 50 },
    );
  });

  it('gives one that floods late no more than the others from then on', () => {
    fc.assert(
      fc.property(someModels, fc.integer({ min: 0, max: 2_000 }), ([late, other], at) => {
        const models = [late!, other!];
        const flood = [
          { at: 0, model: 1, rows: 400 },
          { at, model: 0, rows: 400 },
        ];
        const { ran } = simulate(models, flood);
        const begins = [0, 1].map((model) => ran.flatMap((run) => (run.version === String(model) ? run.began : [])));
        // Between two runs of the other, the late one has the time of one of those and of its own, and no more.
        for (let i = 1; i < begins[1]!.length; i++) {
          const between = begins[0]!.filter((began) => began > begins[1]![i - 1]! && began < begins[1]![i]!);
          if (between.length * late!.ms > other!.ms + 2 * late!.ms) return false;
        }
        return true;
      }),
      { numRuns: 50 },
    );
  });

  it('never leaves the slot idle while something waits, and keeps the order within a version', () => {
    fc.assert(
      fc.property(scenes, ({ models, arrivals }) => {
        const { ran, idleWithWork } = simulate(models, arrivals);
        expect(idleWithWork).toEqual([]);
        const rows = arrivals.reduce((sum, arrival) => sum + arrival.rows, 0);
        expect(ran.reduce((sum, { ids }) => sum + ids.length, 0)).toBe(rows);
        models.forEach((_, model) => {
          const ids = ran.filter(({ version }) => version === String(model)).flatMap((run) => run.ids);
          const [came, row] = [0, 1].map((part) => ids.map((id) => Number(id.split('.')[part])));
          expect(came!.every((arrival, i) => i === 0 || arrival > came![i - 1]! || row![i]! > row![i - 1]!)).toBe(true);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('makes a caller who comes again and again pay for his own runs and no others', () => {
    // One caller of dear runs, each as soon as the last is answered, beside a flood of cheap ones.
    const models = [
      { ms: 2, prepares: false },
      { ms: 50, prepares: false },
    ];
    const arrivals: Arrival[] = [{ at: 0, model: 0, rows: 4_000 }];
    for (let at = 1; at < 1_000; at += 102) arrivals.push({ at, model: 1, rows: 1 });
    const { ran } = simulate(models, arrivals);
    const dear = ran.filter(({ version }) => version === '1');
    dear.forEach(({ began }, i) => expect(began - (1 + 102 * i)).toBeLessThanOrEqual(2));
  });
});
