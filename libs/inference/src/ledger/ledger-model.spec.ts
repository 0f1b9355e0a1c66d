/** Any order of commands on several predictions: the ledger does what a model of a few lines does, to the byte. */
import fc from 'fast-check';
import { startRedis, type TestRedis } from '../../../../test/support/redis.js';
import { ledgerOn, METRICS, submission, type LedgerOnRedis } from '../../../../test/fixtures/ledger.js';
import type { GenerationRef } from '../contract/durable-job.js';
import { isTerminal, parseLog, type Status } from '../contract/prediction-record.js';
import { HELD_COST } from './kept-lua.js';
import { RECORD_COST } from './lua.js';

const FAILURE = { code: 'INTERNAL', message: 'no', dead: { reason: 'exhausted', digest: 'd' } } as const;
const ROOM = 10_000_000;
const TIGHT = 8_000;

interface Expected {
  status: Status;
  generation: number;
  attempts: number;
  inputBytes: number;
  /** A webhook that nobody ever delivers. */
  untold: boolean;
  dead: boolean;
  /** Generations that have ended. */
  ends: number[];
}
type Model = Map<string, Expected>;

const NAMES = ['begin', 'again', 'succeed', 'fail', 'expire', 'cancel', 'retry'] as const;
type Name = (typeof NAMES)[number];

/** What each command makes of a prediction that it may touch; undefined: it must not apply. */
function next(name: Name, { status, attempts }: Expected): Status | undefined {
  const live = !isTerminal(status);
  if (name === 'retry') return live || status === 'succeeded' ? undefined : 'starting';
  if (!live) return undefined;
  if (name === 'expire') return attempts === 0 ? 'aborted' : 'canceled';
  return { begin: 'processing', again: 'starting', succeed: 'succeeded', fail: 'failed', cancel: 'canceled' }[
    name
  ] as Status;
}

/** Applies one command to the ledger; whether the ledger says that it applied. */
async function apply({ ledger, clock }: LedgerOnRedis, name: Name, ref: GenerationRef) {
  const { id, generation } = ref;
  if (name === 'cancel') return ledger.cancel(id);
  if (name === 'retry') return ledger.retry(id, clock.now() + 60_000);
  if (name === 'succeed')
    return ledger.succeed(ref, { outputs: [], bytes: Buffer.alloc(207 + generation), metrics: METRICS });
  if (name === 'fail' || name === 'expire') return ledger[name](ref, FAILURE);
  if (name === 'again') return ledger.again(ref, 500);
  return ledger[name](ref);
}

class Submit implements fc.AsyncCommand<Model, LedgerOnRedis> {
  constructor(
    private readonly size: number,
    private readonly options: { tight: boolean; webhook: boolean },
  ) {}
  check = () => true;
  toString = () => `submit(${this.size}, ${JSON.stringify(this.options)})`;

  async run(model: Model, real: LedgerOnRedis): Promise<void> {
    const { tight, webhook } = this.options;
    const budget = tight ? TIGHT : ROOM;
    const untold = Number((await real.redis.hget(real.keys.bytes, 'untold')) ?? 0);
    const it = submission(real.clock, {
      payload: [Buffer.alloc(this.size)],
      head: { inputBytes: this.size, ...(webhook ? { webhook: 'https://x.test/' } : {}) },
      budget,
    });
    const answer = await real.ledger.submit(it);
    const fits = pendingBytes(model) + untold + this.size + RECORD_COST <= budget;
    expect(answer.kind).toBe(fits ? 'new' : 'full');
    if (fits)
      model.set(it.id, {
        status: 'starting',
        generation: 0,
        attempts: 0,
        inputBytes: this.size,
        untold: webhook,
        dead: false,
        ends: [],
      });
    if (tight) await forget(model, real, ({ untold }) => !untold);
    await compare(model, real);
  }
}

class Move implements fc.AsyncCommand<Model, LedgerOnRedis> {
  constructor(
    private readonly name: Name,
    private readonly at: number,
    private readonly stale: boolean,
  ) {}
  check = (model: Model) => model.size > 0;
  toString = () => `${this.name}(${this.at}${this.stale ? ', stale' : ''})`;

  async run(model: Model, real: LedgerOnRedis): Promise<void> {
    const [id, expected] = [...model][this.at % model.size]!;
    const named = this.name !== 'cancel' && this.name !== 'retry';
    const generation = expected.generation - (this.stale ? 1 : 0);
    const to = named && this.stale ? undefined : next(this.name, expected);
    const gone = to && this.name === 'retry' && (await real.ledger.input(id)) === null;
    const answer = await apply(real, this.name, { id, generation });
    if (gone) expect(answer).toBe('gone');
    else expect(answer).toMatchObject({ applied: to !== undefined });
    if (to && !gone) {
      if (this.name === 'begin') expected.attempts++;
      if (this.name === 'again') expected.generation++;
      if (this.name === 'retry')
        Object.assign(expected, { generation: expected.generation + 1, attempts: 0, dead: false });
      if (this.name === 'fail') expected.dead = true;
      expected.status = to;
      if (isTerminal(to)) expected.ends.push(expected.generation);
    }
    await compare(model, real);
  }
}

class Sweep implements fc.AsyncCommand<Model, LedgerOnRedis> {
  constructor(private readonly passed: number) {}
  check = () => true;
  toString = () => `sweep(after ${this.passed})`;

  async run(model: Model, real: LedgerOnRedis): Promise<void> {
    real.clock.pass(this.passed);
    await real.ledger.sweep(100, ROOM);
    await forget(model, real, () => true);
    await compare(model, real);
  }
}

/** What has ended may go, as far as it may. */
async function forget(model: Model, { ledger }: LedgerOnRedis, may: (it: Expected) => boolean): Promise<void> {
  for (const [id, it] of model) {
    if (isTerminal(it.status) && may(it) && !(await ledger.read(id))) model.delete(id);
  }
}

function pendingBytes(model: Model): number {
  return [...model.values()].reduce((sum, it) => sum + (isTerminal(it.status) ? 0 : it.inputBytes + RECORD_COST), 0);
}

async function compare(model: Model, { ledger, redis, keys }: LedgerOnRedis): Promise<void> {
  const live = [...model].filter(([, { status }]) => !isTerminal(status)).map(([id]) => id);
  const dead = [...model].filter(([, it]) => it.dead).map(([id]) => id);
  expect((await redis.zrange(keys.due, '0', '-1')).sort()).toEqual(live.sort());
  expect((await redis.zrange(keys.predictions('public'), '0', '-1')).sort()).toEqual([...model.keys()].sort());
  expect((await redis.zrange(keys.dead('public'), '0', '-1')).sort()).toEqual(dead.sort());

  const bytes = await redis.hgetall(keys.bytes);
  expect(Number(bytes['pending'] ?? 0)).toBe(pendingBytes(model));
  for (const what of ['inputs', 'outputs'] as const) {
    const held = (await redis.zrange(`${keys.prefix}:held:${what}`, '0', '-1')).map((member) => member.split(' '));
    expect(held.reduce((sum, [size]) => sum + Number(size) + HELD_COST, 0)).toBe(Number(bytes[what] ?? 0));
    for (const [size, id] of held) {
      expect(await redis.strlen(what === 'inputs' ? keys.payload(id!) : keys.result(id!))).toBe(Number(size));
    }
  }
  const kept: string[] = [];
  for (const [set, what] of [
    ['ended', 'records'],
    ['untold', 'untold'],
  ] as const) {
    const members = (await redis.zrange(`${keys.prefix}:${set}`, '0', '-1')).map((member) => member.split(' '));
    expect(members.reduce((sum, [size]) => sum + Number(size), 0)).toBe(Number(bytes[what] ?? 0));
    kept.push(...members.map(([, id]) => id!));
  }
  expect(kept.sort()).toEqual([...model.keys()].filter((id) => isTerminal(model.get(id)!.status)).sort());

  for (const [id, { status, generation, attempts }] of model) {
    const record = (await ledger.read(id))!;
    expect(record).toMatchObject({ status, generation, attempts });
    const ends = parseLog(record.log).filter((event) => isTerminal(event.status));
    // Exactly one end in each generation that has one.
    expect(ends.map((event) => event.generation)).toEqual(model.get(id)!.ends);
    if (!isTerminal(status)) expect(await redis.pttl(keys.payload(id))).toBe(-1);
  }
}

describe('the ledger beside its model', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('agrees after every command of any sequence', async () => {
    const move = fc
      .tuple(fc.constantFrom(...NAMES), fc.nat(5), fc.integer({ min: 0, max: 9 }))
      .map(([name, at, stale]) => new Move(name, at, stale === 0));
    const commands = fc.commands(
      [
        fc
          .tuple(fc.integer({ min: 1, max: 3_000 }), fc.record({ tight: fc.boolean(), webhook: fc.boolean() }))
          .map(([size, options]) => new Submit(size, options)),
        move,
        move,
        move,
        fc.constantFrom(1, 5_000, 10_001).map((passed) => new Sweep(passed)),
      ],
      { maxCommands: 40, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const real = ledgerOn(server.url);
        try {
          await fc.asyncModelRun(() => ({ model: new Map() as Model, real }), sequence);
        } finally {
          real.redis.disconnect();
        }
      }),
      { numRuns: 30 },
    );
  });
});
