import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyLine, newApiKey, type Logger } from '#inference';
import { ApiKeys } from './api-keys.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
const file = join(folder, 'keys');
const key = newApiKey();
let keys: ApiKeys;
let told: string[];
let tell: (line: string) => void;
let warn: (line: string) => void = () => undefined;

/** The log is where a file that is no good shows: there is nothing else to wait for. */
const nextLine = (): Promise<string> => new Promise((resolve) => (tell = resolve));
const log = {
  info: (_: object, line: string) => tell(line),
  warn: (_: object, line: string) => warn(line),
  error: (_: object, line: string) => {
    told.push(line);
    tell(line);
  },
} as unknown as Logger;

beforeEach(async () => {
  told = [];
  tell = () => undefined;
  writeFileSync(file, keyLine('alice', key));
  keys = await ApiKeys.open({ file, log });
});
afterEach(() => keys.close());
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['is empty', () => writeFileSync(file, '')],
  ['has a line that cannot be read', () => writeFileSync(file, `${keyLine('alice', key)}\nbob`)],
  ['is gone', () => unlinkSync(file)],
])('a file that %s changes nothing, is told once, and the next good one counts', async (_, spoil) => {
  const spoiled = nextLine();
  spoil();
  expect(await spoiled).toMatch(/those before stay in force/);
  expect(keys.find(key)?.owner).toBe('alice');
  // Any change in the folder makes it look again; what it has seen is not told again.
  writeFileSync(join(folder, 'beside'), '');
  const mended = nextLine();
  writeFileSync(file, keyLine('bob', key));
  expect(await mended).toMatch(/in force$/);
  expect(keys.find(key)?.owner).toBe('bob');
  expect(told).toHaveLength(1);
});

it('a file with comments alone knows nobody', async () => {
  const read = nextLine();
  writeFileSync(file, '# nobody for now\n');
  await read;
  expect(keys.find(key)).toBeUndefined();
  expect(told).toEqual([]);
});

describe('a scope that must be there', () => {
  it('keeps a gateway from starting where no key has it', async () => {
    const opening = ApiKeys.open({ file, log, needs: 'admin' });
    await expect(opening).rejects.toThrow(/SLUICE_API_KEYS.*No key has the scope admin/);
  });

  it('is missed in the log when the last key that has it goes, and the file counts all the same', async () => {
    const read = nextLine();
    writeFileSync(file, keyLine('alice', key, ['admin']));
    await read;
    const guarded = await ApiKeys.open({ file, log, needs: 'admin' });
    const warned = new Promise((resolve) => (warn = resolve));
    writeFileSync(file, keyLine('alice', key));
    expect(await warned).toMatch(/no key has this scope any more/);
    guarded.close();
    expect(guarded.find(key)?.scopes).toEqual(['predict']);
  });
});
