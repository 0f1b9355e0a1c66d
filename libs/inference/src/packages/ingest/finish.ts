/**
 * The last steps of a package before it is published: its name, its complete model.json, its digest, its place.
 *
 * Invariant: what is answered was opened once more from the disk, as a worker will open it, and had this digest.
 */
import { join } from 'node:path';
import { SAMPLES } from '../file-name.js';
import { parseManifest, type Manifest } from '../manifest.js';
import { openPackage } from '../package.js';
import { asRefusal, refusePackage } from '../refusal.js';
import { digestOf, type PackageFile } from '../store/digest.js';
import type { StagedFile, Staging } from '../store/staging.js';
import { MANIFEST, type StoredPackage } from '../store/stored-package.js';
import { refuseCollisions } from './collisions.js';
import type { Draft } from './draft.js';
import { stableJson } from './stable-json.js';

const FIRST_VERSION = '1';

/** @param asked wins over what the package says. @throws PACKAGE_INVALID, STORAGE_FULL */
export async function finish(
  staging: Staging,
  draft: Draft,
  asked: { name?: string | undefined; version?: string | undefined },
): Promise<StoredPackage> {
  const name = asked.name ?? draft.manifest['name'] ?? draft.name;
  if (name === undefined) {
    throw refusePackage(
      'Nothing says how the model is called: neither model.json nor the name of the file. Give it a name.',
    );
  }
  const version = asked.version ?? draft.manifest['version'] ?? draft.version ?? FIRST_VERSION;
  const said = await asRefusal(parsed({ ...draft.manifest, name, version }));
  const files = new Map([...draft.files].filter(([file]) => file !== MANIFEST));
  checkStated(said, files);
  refuseCollisions(
    [...files.keys(), MANIFEST].map((file) => file.split('/')),
    'package',
  );
  const manifest = { ...said, files: sumsOf(files) };
  const tree = staging.treeOf(manifest.name, manifest.version);
  const folder = await staging.makeFolder(...tree);
  if ([...files.keys()].some((file) => file.startsWith(`${SAMPLES}/`))) await staging.makeFolder(...tree, SAMPLES);
  for (const [file, staged] of files) await staging.move(staged, join(...tree, file));
  const written = await staging.write(join(...tree, MANIFEST), bytesOf(stableJson(manifest)));
  const all = listOf(new Map([...files, [MANIFEST, written]]));
  const digest = digestOf(all);
  const opened = await asRefusal(openPackage(folder));
  if (opened.checksum !== digest)
    throw new TypeError(`openPackage sees ${opened.checksum} where ${digest} was written`);
  return {
    digest,
    name: manifest.name,
    version: manifest.version,
    manifest,
    files: all,
    bytes: all.reduce((sum, { size }) => sum + size, 0),
  };
}

async function parsed(raw: unknown): Promise<Manifest> {
  return Promise.resolve(parseManifest(raw));
}

/** What model.json already says of its files must be so; it may be silent of some. */
function checkStated({ files: stated }: Manifest, files: ReadonlyMap<string, StagedFile>): void {
  for (const [name, sum] of Object.entries(stated)) {
    const file = files.get(name);
    if (!file)
      throw refusePackage(`${name} is missing from the package; model.json names it. Add it, or remove its name.`);
    const expected = sum.slice('sha256-'.length);
    if (file.sha256 !== expected) {
      throw refusePackage(
        `${name} is not the file that model.json describes: its sha256 is ${file.sha256}, expected ${expected}. Copy the package again.`,
      );
    }
  }
}

function sumsOf(files: ReadonlyMap<string, StagedFile>): Record<string, string> {
  return Object.fromEntries(listOf(files).map(({ name, sha256 }) => [name, `sha256-${sha256}`]));
}

function listOf(files: ReadonlyMap<string, StagedFile>): PackageFile[] {
  return [...files]
    .map(([name, { sha256, size }]) => ({ name, sha256, size }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}
