/**
 * The files of a package: no other than were registered, each of the size and with the sha256 that were written down, and
 * all plain files in the package's folder or in `samples/`.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PackageFile } from '../../contract/registration.js';
import { SAMPLES } from '../../packages/file-name.js';
import { isPlainFile } from '../../packages/package.js';
import { digestOf } from '../../packages/store/digest.js';
import { MANIFEST } from '../../packages/store/stored-package.js';
import { PASSED, type Outcome, type Subject } from './subject.js';

const MAX_FILES = 10_000;
const SUM = /^sha256-([0-9a-f]{64})$/;

export async function checkFiles({ order, at }: Subject): Promise<Outcome> {
  const { directory, files, digest } = order;
  const names = await list(directory);
  const expected = files ?? (await stated(directory));
  const known = new Set(expected.map(({ name }) => name));
  const extra = files && names.find((name) => !known.has(name));
  if (extra !== undefined) {
    throw new Error(`${shown(extra)} is in the package but was not registered. Register the package again.`);
  }
  const there = new Set(names);
  for (const { name, sha256, size } of expected) {
    if (!there.has(name))
      throw new Error(`${shown(name)} is missing from the package. Add it and register the package again.`);
    at(`a look at ${name}`);
    const found = await measure(join(directory, name));
    if (size !== undefined && found.size !== size) {
      throw new Error(`${shown(name)} has ${found.size} bytes, expected ${size}. Register the package again.`);
    }
    if (found.sha256 !== sha256) {
      throw new Error(
        `${shown(name)} is not the file that was described: its sha256 is ${found.sha256}, expected ${sha256}. Copy the package again.`,
      );
    }
  }
  if (digest === undefined) return PASSED;
  const came = digestOf(expected);
  if (came === digest) return PASSED;
  throw new Error(`The files together have the digest ${came}, expected ${digest}. Register the package again.`);
}

/** Names of all files, those of the samples with their folder. @throws Error where something is no plain file. */
async function list(directory: string): Promise<string[]> {
  const entries = await readdir(directory).catch(() => {
    throw new Error('The package has no folder that can be read. Name a folder <name>/<version>.');
  });
  const names: string[] = [];
  for (const entry of entries) {
    const stats = await lstat(join(directory, entry));
    if (entry === SAMPLES && stats.isDirectory()) {
      const samples = await readdir(join(directory, SAMPLES));
      names.push(...samples.map((name) => `${SAMPLES}/${name}`));
    } else names.push(entry);
  }
  if (names.length > MAX_FILES) {
    throw new Error(
      `The package has ${names.length} files, at most ${MAX_FILES} are allowed. Leave out what the model does not need.`,
    );
  }
  for (const name of names) await isPlainFile(directory, name);
  return names;
}

/** What model.json says of the other files. What else is wrong with it is another check's to say. */
async function stated(directory: string): Promise<(Omit<PackageFile, 'size'> & { size?: number })[]> {
  try {
    const { files } = JSON.parse(await readFile(join(directory, MANIFEST), 'utf8')) as { files?: object };
    return Object.entries(files ?? {}).flatMap(([name, sum]) => {
      const sha256 = SUM.exec(String(sum))?.[1];
      return sha256 === undefined ? [] : [{ name, sha256 }];
    });
  } catch {
    return [];
  }
}

async function measure(path: string): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { sha256: hash.digest('hex'), size: (await lstat(path)).size };
}

function shown(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name;
}
