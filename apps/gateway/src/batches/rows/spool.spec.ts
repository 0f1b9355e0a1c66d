// Proves: no owner takes all of the disk that archives may take, and what is let go is there again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spool } from './spool.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-spool-'));
const spool = new Spool({ dir: folder, cap: 1_000 });
afterAll(() => rmSync(folder, { recursive: true }));

/** So many bytes, and then nothing until it is let go. */
async function* hanging(bytes: number, held: () => void, gone: Promise<void>): AsyncGenerator<Buffer> {
  yield Buffer.alloc(bytes);
  held();
  await gone;
}

async function* sent(bytes: number): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.alloc(bytes));
}

it('leaves others a quarter while the uploads of one owner hang, and refuses the rest', async () => {
  let leave!: () => void;
  const gone = new Promise<void>((resolve) => (leave = resolve));
  let upload!: ReturnType<Spool['take']>;
  await new Promise<void>((held) => {
    upload = spool.take(hanging(750, held, gone), { owner: 'hung', most: 750 });
  });
  await expect(spool.take(sent(1), { owner: 'hung', most: 750 })).rejects.toMatchObject({
    code: 'CAPACITY_EXHAUSTED',
    message: expect.stringContaining('of yours'),
  });
  await expect(spool.take(sent(251), { owner: 'other', most: 750 })).rejects.toMatchObject({
    code: 'CAPACITY_EXHAUSTED',
  });
  const other = await spool.take(sent(250), { owner: 'other', most: 750 });
  expect(spool.bytes).toBe(1_000);
  leave();
  await Promise.all([other.release(), upload.then((spooled) => spooled.release())]);
  expect(spool.bytes).toBe(0);
  await (await spool.take(sent(750), { owner: 'hung', most: 750 })).release();
});
