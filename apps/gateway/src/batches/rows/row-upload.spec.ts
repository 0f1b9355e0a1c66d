import { keysUnder, SluiceError, type Appended, type Chunk, type ModelDescription } from '#inference';
import type { GatewayContext } from '../../context.js';
import type { Row, RowSource } from './row.js';
import { RowUpload } from './row-upload.js';

const model: ModelDescription = {
  v: 1,
  name: 'm',
  version: '1',
  task: 'tensor',
  inputs: [{ name: 'x', dtype: 'float32', shape: [null, 4] }],
  outputs: [{ name: 'y', dtype: 'float32', shape: [null, 1] }],
  batched: true,
  maxBatchSize: 8,
  maxDelayMs: 0,
  checksum: '',
};

/** A ledger that keeps what it is given, and answers when it is told to. */
function setUp(
  answer: (chunk: Chunk) => Promise<Appended>,
  { committed = 0, budget = 1e9, confirm = (): void => undefined } = {},
) {
  const chunks: Chunk[] = [];
  const context = {
    config: { retentionMs: 1, recordRetentionMs: 1, durableTimeoutMs: 1, durableAttempts: 1 },
    clock: { now: () => 0 },
    keys: keysUnder('{t}'),
    draining: false,
    outbox: { offer: () => Promise.resolve() },
    batches: {
      append: (chunk: Chunk) => {
        chunks.push(chunk);
        return answer(chunk);
      },
    },
  } as unknown as GatewayContext;
  const batch = { id: 'b1', owner: 'public', committed } as never;
  const upload = new RowUpload({
    context,
    budget: { bytes: budget },
    batch,
    model,
    requestId: 'r',
    pace: { step: () => Promise.resolve() },
    lead: { note: () => undefined },
    confirm,
  });
  return { upload, chunks };
}

function source(count: number, rowBytes = 8): RowSource & { given: number } {
  const made = {
    form: 'input' as const,
    given: 0,
    async *rows(skip: number): AsyncGenerator<Row> {
      for (let i = skip; i < count; i++) {
        made.given++;
        yield await Promise.resolve({ input: { type: 'tensors', rows: 1, bytes: [Buffer.alloc(rowBytes)] } });
      }
    },
  };
  return made;
}

const NEW: Appended = { kind: 'new', committed: 1, left: 1, outbox: [] };
const kept = (): Promise<Appended> => Promise.resolve(NEW);
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('an upload of rows', () => {
  it('reads no more than two chunks ahead of what Redis has', async () => {
    const waiting: ((answer: Appended) => void)[] = [];
    const { upload } = setUp(() => new Promise((resolve) => waiting.push(resolve)));
    const rows = source(1_000);
    const taken = upload.take(rows, 0);
    await turns(50);
    expect(waiting).toHaveLength(1);
    expect(rows.given).toBeLessThanOrEqual(129);
    while (upload.committed < 1_000) {
      waiting.shift()?.(NEW);
      await turns(5);
    }
    await taken;
  });

  it('closes a chunk at 64 rows, or before it is larger than 8 MiB', async () => {
    const many = setUp(kept);
    await many.upload.take(source(130), 0);
    expect(many.chunks.map((chunk) => [chunk.head.row, chunk.head.items.length])).toEqual([
      [0, 64],
      [64, 64],
      [128, 2],
    ]);
    const large = setUp(kept);
    await large.upload.take(source(5, 3 * 1024 * 1024), 0);
    expect(large.chunks.map((chunk) => chunk.head.items.length)).toEqual([2, 2, 1]);
  });

  it('closes a chunk at an eighth of a small budget, which a row beyond it fails by itself', async () => {
    const small = setUp(kept, { budget: 8_000 });
    await small.upload.take(source(5, 400), 0);
    expect(small.chunks.map((chunk) => chunk.head.items.length)).toEqual([2, 2, 1]);
    const large = setUp(kept, { budget: 8_000 });
    await large.upload.take(source(1, 1_001), 0);
    const failed = expect.objectContaining({ code: 'BODY_TOO_LARGE' });
    expect(large.chunks[0]!.head).toMatchObject({ items: [], rows: [failed] });
  });

  it('counts only what Redis has when it is refused, and sends nothing behind what was', async () => {
    let left = 2;
    const { upload, chunks } = setUp(() =>
      left-- > 0 ? kept() : Promise.resolve({ kind: 'full', pendingBytes: 900 } as const),
    );
    await expect(upload.take(source(1_000), 0)).rejects.toMatchObject({
      code: 'BODY_TOO_LARGE',
      details: { members: { id: 'b1', committed: 128 } },
    });
    expect(chunks).toHaveLength(3);
  });

  it('adds no rows to a version that has gone meanwhile, and says how many there are', async () => {
    const gone = new SluiceError('MODEL_NOT_FOUND', 'It is gone.');
    let left = 2;
    const confirm = (): void => {
      if (left-- === 0) throw gone;
    };
    const { upload, chunks } = setUp(kept, { confirm });
    await expect(upload.take(source(1_000), 0)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      details: { members: { id: 'b1', committed: 128 } },
    });
    expect(chunks).toHaveLength(2);
  });

  it('writes a chunk again whose fate is not known, under the same id', async () => {
    let fails = 2;
    const { upload, chunks } = setUp(() => (fails-- > 0 ? Promise.reject(new Error('timeout')) : kept()));
    await upload.take(source(10), 0);
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    expect(upload.committed).toBe(10);
  });

  it('keeps what it has read when its source breaks', async () => {
    const { upload } = setUp(kept);
    const broken: RowSource = {
      form: 'input',
      async *rows(skip) {
        yield* source(70).rows(skip);
        throw new Error('the caller left');
      },
    };
    await expect(upload.take(broken, 0)).rejects.toThrow('the caller left');
    expect(upload.committed).toBe(70);
  });
});
