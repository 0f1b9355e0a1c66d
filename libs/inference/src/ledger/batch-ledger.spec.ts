/** Bulk runs on a real Redis: what joins, what is counted, when one has ended. */
import { chunkOf, createdBatch, type ChunkOptions } from '../../../../test/fixtures/batch-rows.js';
import { claimsOn, ledgerInEach, METRICS, submission, type LedgerOnRedis } from '../../../../test/fixtures/ledger.js';
import { newId } from '../contract/id.js';
import type { ChunkRow } from '../contract/prediction-record.js';
import { BatchLedger, type Chunk, type Chunks } from './batch-ledger.js';
import { RECORD_COST } from './lua.js';

const OUTPUT = { outputs: [], bytes: Buffer.from('{}'), metrics: METRICS };
const UNREAD: ChunkRow = { code: 'JSON_MALFORMED', message: 'no' };

describe('a bulk run', () => {
  let at: LedgerOnRedis;
  let batches: BatchLedger;

  ledgerInEach((it) => {
    at = it;
    batches = new BatchLedger(at.redis, at.keys, at);
  });

  const created = (webhook?: string): Promise<string> => createdBatch(at, batches, webhook);
  const chunk = (batch: string, row: number, more?: ChunkOptions): Chunk => chunkOf(at.clock, [batch, row], more);

  async function joined(batch: string, row: number, more: ChunkOptions = {}): Promise<Chunk> {
    const made = chunk(batch, row, more);
    expect(await batches.append(made)).toMatchObject({ kind: 'new' });
    return made;
  }

  const ref = ({ id }: Chunk): { id: string; generation: number } => ({ id, generation: 0 });

  const succeed = (made: Chunk, failedRows = 0) => at.ledger.succeed(ref(made), { ...OUTPUT, failedRows });

  it('counts its rows through every change of its chunks, failed rows of succeeded chunks apart', async () => {
    const id = await created();
    const first = await joined(id, 0);
    const second = await joined(id, 3, { count: 1, rows: [{ id: 'a' }, UNREAD] });
    expect(await batches.read(id)).toMatchObject({ state: 'open', committed: 5, starting: 4, failed: 1 });
    await at.ledger.begin(ref(first));
    expect(await batches.read(id)).toMatchObject({ processing: 3, starting: 1, started: at.clock.now() });
    await at.ledger.again(ref(first), 0);
    expect(await batches.read(id)).toMatchObject({ processing: 0, starting: 4 });
    await at.ledger.begin({ ...ref(first), generation: 1 });
    await at.ledger.succeed({ id: first.id, generation: 1 }, { ...OUTPUT, failedRows: 2 });
    await at.ledger.expire(ref(second), { code: 'DEADLINE_EXCEEDED', message: 'late' });
    expect(await batches.read(id)).toMatchObject({ processing: 0, starting: 0, succeeded: 1, failed: 3, aborted: 1 });
  });

  it('keeps each row once, whatever is sent again', async () => {
    const id = await created();
    const first = await joined(id, 0);
    expect(await batches.append(first)).toEqual({ kind: 'new', committed: 3, left: 3, outbox: [] });
    const again = chunk(id, 0);
    expect(await batches.append(again)).toEqual({ kind: 'moved', committed: 3 });
    expect(await at.redis.exists(at.keys.payload(again.id))).toBe(0);
    expect(await batches.read(id)).toMatchObject({ committed: 3 });
  });

  it('is a durable prediction of the bulk lane for each chunk, in no list of predictions', async () => {
    const id = await created();
    const made = chunk(id, 0);
    expect(await batches.append(made)).toMatchObject({ kind: 'new', outbox: [`job bulk digits 1 ${made.id} 0`] });
    expect(await at.ledger.read(made.id)).toMatchObject({ lane: 'bulk', batch: id, row: 0, status: 'starting' });
    expect(await at.redis.zscore(at.keys.due, made.id)).toBe(String(at.clock.now() + 30_000));
    expect(await at.redis.exists(at.keys.predictions('public'))).toBe(0);
  });

  it('ends with the step that ends the last of its rows, once it is sealed, and calls its webhook', async () => {
    const id = await created('https://x.test/');
    const first = await joined(id, 0);
    const second = await joined(id, 3);
    await succeed(first);
    expect(await batches.seal(id)).toEqual({ applied: true, outbox: [] });
    at.clock.pass(5);
    expect((await succeed(second)).outbox).toEqual([`hook ${id} completed 0`]);
    expect(await batches.read(id)).toMatchObject({ state: 'completed', completed: at.clock.now(), succeeded: 6 });
  });

  it('ends at its seal when all its rows have ended before, and when it has none that could be read', async () => {
    const id = await created('https://x.test/');
    await succeed(await joined(id, 0));
    const bad = await joined(id, 3, { count: 0, rows: [UNREAD, UNREAD] });
    expect(await at.ledger.read(bad.id)).toMatchObject({ status: 'succeeded', outputs: [] });
    expect(await at.redis.zscore(at.keys.due, bad.id)).toBeNull();
    expect((await batches.seal(id)).outbox).toEqual([`hook ${id} completed 0`]);
    expect(await batches.read(id)).toMatchObject({ state: 'completed', succeeded: 3, failed: 2 });
  });

  it('takes no rows over the budget, nor once it is sealed, nor when it is not there', async () => {
    const id = await created();
    const full = chunk(id, 0);
    expect(await batches.append({ ...full, budget: RECORD_COST })).toEqual({ kind: 'full', pendingBytes: 0 });
    await batches.seal(id);
    expect(await batches.append(chunk(id, 0))).toEqual({ kind: 'closed', state: 'completed' });
    expect((await batches.seal(id)).applied).toBe(false);
    expect(await batches.append(chunk('bnone', 0))).toEqual({ kind: 'gone' });
    expect(await at.redis.keys(`${at.keys.prefix}:payload:*`)).toEqual([]);
  });

  it('costs what its rows are called, too, until they have ended', async () => {
    const id = await created();
    const pending = async (): Promise<number> => Number(await at.redis.hget(at.keys.bytes, 'pending'));
    await succeed(await joined(id, 0));
    expect(await pending()).toBe(0);
    const rows = Array.from({ length: 64 }, () => ({ id: 'x'.repeat(1_000) }));
    const named = await joined(id, 3, { count: 64, rows });
    expect(await pending()).toBeGreaterThan(64_000);
    expect(await batches.append(chunk(id, 67, { count: 64, rows, budget: 130_000 }))).toMatchObject({ kind: 'full' });
    await succeed(named);
    expect(await pending()).toBe(0);
  });

  it('is no prediction’s for the same claim, nor a prediction its', async () => {
    const { ledger, keys, clock } = at;
    const claim = { key: keys.claim('public', 'key', 'k'), fingerprint: 'batch', ttlMs: 9_000 };
    const head = { owner: 'public', model: 'digits', version: '1', request: 'r', created: 1, keepRecord: 20_000 };
    const id = newId('b');
    await batches.create({ id, head, claim, budget: 1_000_000 });
    const claims = claimsOn([claim.key], 'prediction', 9_000);
    expect(await ledger.submit(submission(clock, { claims }))).toEqual({ kind: 'conflict' });
    expect(await batches.create({ id: newId('b'), head, claim, budget: 1_000_000 })).toEqual({ kind: 'same', id });
    const otherKey = keys.claim('public', 'key', 'other');
    await ledger.submit(submission(clock, { claims: claimsOn([otherKey], 'prediction', 9_000) }));
    const second = { ...claim, key: otherKey };
    expect(await batches.create({ id: newId('b'), head, claim: second, budget: 1_000_000 })).toEqual({
      kind: 'conflict',
    });
  });

  it('is completed by the first step of a cancellation where none of its rows lives, whoever takes the next', async () => {
    const id = await created('https://x.test/');
    await succeed(await joined(id, 0));
    const step = await batches.cancel(id, 0);
    expect([step.next, step.outbox]).toEqual([1, [`hook ${id} completed 0`]]);
    expect((await batches.read(id))!.completed).toBeDefined();
    expect(await batches.cancel(id, step.next!)).toMatchObject({ applied: true, next: undefined, outbox: [] });
  });

  it('is canceled in steps, of which the first already keeps rows out, and ends with its last living row', async () => {
    const id = await created('https://x.test/');
    const chunks: Chunk[] = [];
    for (let row = 0; row < 120; row += 3) chunks.push(await joined(id, row));
    await succeed(chunks[0]!);
    const first = await batches.cancel(id, 0);
    expect(first).toMatchObject({ applied: true, next: 94, outbox: [] });
    expect(first.canceled).toEqual(chunks.slice(1, 32).map((each) => ref(each)));
    expect(await batches.append(chunk(id, 120))).toEqual({ kind: 'closed', state: 'canceled' });
    expect((await batches.read(id))!.completed).toBeUndefined();
    const second = await batches.cancel(id, first.next!);
    expect(second.outbox).toEqual([`hook ${id} completed 0`]);
    expect(await batches.cancel(id, second.next!)).toMatchObject({ applied: true, next: undefined, outbox: [] });
    expect(await batches.read(id)).toMatchObject({ state: 'canceled', succeeded: 3, canceled: 117, starting: 0 });
    expect((await at.ledger.begin(ref(chunks[5]!))).applied).toBe(false);
  });

  it('refuses to be canceled when it has completed, and ends at once when it is empty', async () => {
    const done = await created();
    await batches.seal(done);
    expect((await batches.cancel(done, 0)).applied).toBe(false);
    const empty = await created('https://x.test/');
    expect(await batches.cancel(empty, 0)).toMatchObject({ next: undefined, outbox: [`hook ${empty} completed 0`] });
  });

  it('opens again for a chunk that is redriven, and tells a second time when it ends a second time', async () => {
    const id = await created('https://x.test/');
    const made = await joined(id, 0);
    await batches.seal(id);
    await at.ledger.fail(ref(made), { code: 'WORKER_LOST', message: 'lost', dead: { reason: 'lost', digest: 'd' } });
    expect(await batches.read(id)).toMatchObject({ state: 'completed', failed: 3 });
    await at.ledger.retry(made.id, at.clock.now() + 60_000);
    expect(await batches.read(id)).toMatchObject({ state: 'sealed', failed: 0, starting: 3 });
    const again = await at.ledger.succeed({ id: made.id, generation: 1 }, OUTPUT);
    expect(again.outbox).toEqual([`hook ${id} completed 1`]);
  });

  it('gives the same batch for the same claim, and refuses another request under it', async () => {
    const key = at.keys.claim('public', 'key', 'k');
    const head = { owner: 'public', model: 'm', version: '1', request: 'r', created: 1, keepRecord: 1_000 };
    const claim = { key, fingerprint: 'f', ttlMs: 9_000 };
    const id = newId('b');
    expect(await batches.create({ id, head, claim, budget: 1_000_000 })).toEqual({ kind: 'new' });
    expect(await batches.create({ id: newId('b'), head, claim, budget: 1_000_000 })).toEqual({ kind: 'same', id });
    expect(
      await batches.create({ id: newId('b'), head, claim: { ...claim, fingerprint: 'g' }, budget: 1_000_000 }),
    ).toEqual({
      kind: 'conflict',
    });
  });

  it('is forgotten its time after its end, with its chunks', async () => {
    const id = await created();
    const made = await joined(id, 0);
    await batches.seal(id);
    await succeed(made);
    at.clock.pass(20_001);
    await at.ledger.sweep(100, 1e9);
    expect(await batches.read(id)).toBeUndefined();
    expect(await batches.list('public', { limit: 10 })).toEqual([]);
    const left = await at.redis.keys(`${at.keys.prefix}:*`);
    expect(left.map((key) => key.slice(at.keys.prefix.length + 1)).sort()).toEqual(['bytes', 'outbox']);
  });

  it('is forgotten too when it was never sealed, but not while rows of it live', async () => {
    const id = await created();
    const made = await joined(id, 0);
    at.clock.pass(20_001);
    await at.ledger.sweep(100, 1e9);
    expect(await batches.read(id)).toMatchObject({ state: 'open', committed: 3 });
    await succeed(made);
    at.clock.pass(20_001);
    await at.ledger.sweep(100, 1e9);
    expect(await batches.read(id)).toBeUndefined();
  });

  it('is listed for its owner, the newest first, page by page', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.unshift(await created());
      at.clock.pass(1);
    }
    const first = await batches.list('public', { limit: 2 });
    const rest = await batches.list('public', { limit: 10, after: first[1]!.id });
    expect([...first, ...rest].map((batch) => batch.id)).toEqual(ids);
    expect(await batches.list('other', { limit: 10 })).toEqual([]);
  });

  it('gives its chunks in order of their rows, from any row on', async () => {
    const id = await created();
    for (let row = 0; row < 9; row += 3) await joined(id, row);
    const rows = ({ chunks }: Chunks): (number | undefined)[] => chunks.map((each) => each.row);
    const first = await batches.chunks(id, { row: 0, limit: 2 });
    expect(rows(first)).toEqual([0, 3]);
    const rest = await batches.chunks(id, { row: first.next!, limit: 2 });
    expect(rows(rest)).toEqual([6]);
    expect(rest.next).toBeUndefined();
    expect((await batches.chunks(id, { row: 0, limit: 3 })).next).toBeUndefined();
  });

  it('says of how many rows a record is no longer kept, wherever they are', async () => {
    const id = await created();
    const made = [await joined(id, 0), await joined(id, 3, { count: 2 }), await joined(id, 5, { count: 1 })];
    await at.redis.del(...made.map((chunk) => at.keys.prediction(chunk.id)));
    const forgotten = { forgotten: true };
    const { chunks, next } = await batches.chunks(id, { row: 0, limit: 2 });
    expect(chunks).toEqual([
      { ...forgotten, row: 0, count: 3 },
      { ...forgotten, row: 3, count: 2 },
    ]);
    expect((await batches.chunks(id, { row: next!, limit: 2 })).chunks).toEqual([{ ...forgotten, row: 5, count: 1 }]);
  });
});
