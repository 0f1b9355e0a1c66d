// Proves: the directory of an archive takes no more memory than the names in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { zipOf } from '../../../../../test/fixtures/archives/zip-bytes.js';
import { zipRows } from './zip-rows.js';

const MOST_FIELD = 65_535;
const ENTRIES = 200;

it('holds neither comments nor extra fields, and names as they are', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-zip-'));
  const path = join(folder, 'rows.zip');
  const comment = Buffer.alloc(MOST_FIELD, 0xe9);
  // Without UTF-8: decoded byte by byte. An extra field of four bytes is empty.
  const part = (i: number) => ({ name: `${i}.png`, flags: 0, data: 'x', comment, extra: Buffer.alloc(65_532) });
  writeFileSync(path, zipOf(Array.from({ length: ENTRIES }, (_, i) => part(i))));
  const file = await open(path);
  try {
    const before = heldBytes();
    const source = await zipRows(file.fd, {
      file: 1_000,
      all: 1_000_000,
      itemOf: () => {
        throw new Error('not read here');
      },
      damaged: 'IMAGE_UNDECODABLE',
    });
    expect(heldBytes() - before).toBeLessThan(ENTRIES * 10_000);
    const names = [];
    for await (const row of source.rows(0)) names.push(row.name);
    expect(names).toHaveLength(ENTRIES);
    expect(names.slice(0, 3)).toEqual(['0.png', '1.png', '10.png']);
  } finally {
    await file.close();
    rmSync(folder, { recursive: true });
  }
});

function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
