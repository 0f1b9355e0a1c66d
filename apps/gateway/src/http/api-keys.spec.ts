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

/** The log is where a file that is no good shows: there is nothing else to wait for. */
const nextLine = (): Promise<string> => new Promise((resolve) => (tell = resolve));
const log = {
  info: (_: object, line: string) => tell(line),
  error: (_: object, line: string) => {
    told.push(line);
    tell(line);
  },
} as unknown as Logger;

beforeEach(async () => {
  told = [];
  tell = () => undefined;
  writeFileSync(file, keyLine('alice', key));
  keys = await ApiKeys.open(file, log);
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
  expect(keys.ownerOf(key)).toBe('alice');
  // Any change in the folder makes it look again; what it has seen is not told again.
  writeFileSync(join(folder, 'beside'), '');
  const mended = nextLine();
  writeFileSync(file, keyLine('bob', key));
  expect(await mended).toMatch(/in force$/);
  expect(keys.ownerOf(key)).toBe('bob');
  expect(told).toHaveLength(1);
});

it('a file with comments alone knows nobody', async () => {
  const read = nextLine();
  writeFileSync(file, '# nobody for now\n');
  await read;
  expect(keys.ownerOf(key)).toBeUndefined();
  expect(told).toEqual([]);
});
