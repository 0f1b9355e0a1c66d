/** Every bad upload is refused for its own reason, and leaves nothing behind, in the store or anywhere else. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { badArchives } from '../../../../../test/fixtures/archives/bad-archives.js';
import { fixtureModel } from '../../../../../test/fixtures/packages.js';
import { rowsOf } from '../../../../../test/docs/tables.js';
import type { SluiceError } from '../../errors.js';
import { ingest } from '../ingest/ingest.js';
import { PackageStore } from '../store/store.js';

const model = readFileSync(join(fixtureModel('add'), 'model.onnx'));
const top = mkdtempSync(join(tmpdir(), 'bad-archives-'));
const outside = join(top, 'outside');
mkdirSync(outside);
writeFileSync(join(outside, 'model.onnx'), 'somebody else wrote this');
const archives = badArchives(model, outside);

/** Everything below a folder: kind, mode and content. */
function everything(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true }) as string[];
  const entries = names.sort().map((name) => {
    const stats = lstatSync(join(folder, name));
    const content = stats.isFile() ? readFileSync(join(folder, name), 'latin1') : '';
    return [name, `${stats.mode.toString(8)} ${stats.isSymbolicLink() ? readlinkSync(join(folder, name)) : content}`];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

async function refusal(store: PackageStore, { bytes, maxBytes }: (typeof archives)[number]): Promise<SluiceError> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 50_000) yield await Promise.resolve(bytes.subarray(at, at + 50_000));
  }
  const refused = await ingest(store, { bytes: pieces() }, { name: 'bad', maxBytes }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Error);
  return refused as SluiceError;
}

describe('bad archives', () => {
  let store: PackageStore;
  const said = new Map<string, string>();

  beforeAll(async () => {
    store = await PackageStore.open(join(top, 'store'));
  });
  afterAll(() => rmSync(top, { recursive: true, force: true }));

  it('are many', () => {
    expect(archives.length).toBeGreaterThan(100);
    expect(new Set(archives.map(({ what }) => what)).size).toBe(archives.length);
  });

  it.each(archives.map((archive) => [archive.what, archive] as const))('%s', async (what, archive) => {
    const before = everything(top);
    const { code, message } = await refusal(store, archive);
    expect([code, message]).toEqual(['PACKAGE_INVALID', expect.stringMatching(archive.says)]);
    // Made for whoever sent it: no path of this machine but one that he named himself, no stack, and an end.
    expect(message.replace(`"${outside}/`, '')).not.toContain(top);
    expect(message).toMatch(/^[^\n]{20,700}[.)]$/);
    said.set(what, message);
    expect(everything(top)).toEqual(before);
    expect(readdirSync(join(top, 'store/staging'))).toEqual([]);
  });

  it('are given sentences of their own', () => {
    const whats = new Map<string, string[]>();
    for (const [what, message] of said) whats.set(message, [...(whats.get(message) ?? []), what]);
    // A zip and a tar that have the same fault share one.
    expect(whats.size).toBeGreaterThan(0.8 * archives.length);
  });

  it('are all in docs/archives.md', () => {
    const phrases = rowsOf('docs/archives.md', 'Refused').flatMap((row) => row['the reason says']!.split(/`, `|`/));
    const patterns = phrases.filter((phrase) => phrase.length > 5).map(patternOf);
    const ofArchives = [...said].filter(([what]) => /^(zip|tar|tar\.gz|gzip|mar)\b/.test(what));
    const undocumented = ofArchives.filter(([, message]) => !patterns.some((pattern) => pattern.test(message)));
    expect(undocumented).toEqual([['mar: not ONNX', expect.stringMatching(/no ONNX model/)]]);
  });
});

/** A phrase of the page, in which names, numbers and what is cut out stand for others. */
function patternOf(phrase: string): RegExp {
  const literal = phrase.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(
    literal
      .replace(/"\w+(\\\.\w+)?"/g, '"[^"]*"')
      .replace(/\d+/g, '\\d+')
      .replaceAll('…', '.*'),
  );
}
