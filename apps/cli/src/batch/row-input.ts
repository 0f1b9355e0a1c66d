/**
 * What a bulk run is made from: a file of JSON lines, or a folder of pictures, each a line with its name.
 *
 * Invariant: the same file or folder gives the same lines in the same order, so that a run can go on where it stopped;
 * `fingerprint` changes when it is no longer the same.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { linesOf } from '../../../gateway/src/batches/rows/lines.js';
import { MAX_ID } from '../../../gateway/src/batches/rows/row.js';

const PICTURE = /\.(jpe?g|png|webp|gif)$/i;

export interface RowInput {
  total: number;
  fingerprint: string;
  /** Paths of all that is read. */
  files: readonly string[];
  /** The lines behind the first `skip`, without their ends; as bytes, for what is no text is the gateway's to refuse. */
  lines(skip: number): AsyncIterable<Buffer>;
  /** What a row is called; none where its line alone says so. */
  idOf?(row: number): string | undefined;
}

/** @throws Error with what is wrong with the path. */
export async function openRowInput(path: string): Promise<RowInput> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Error(`There is no file or folder ${path}.`);
  if (found.isDirectory()) return pictures(path);
  if (found.isFile()) return jsonLines(path, found);
  throw new Error(
    `${path} is neither a file nor a folder, and a run reads its rows more than once. Write them to a file first.`,
  );
}

async function jsonLines(path: string, { size, mtimeMs }: { size: number; mtimeMs: number }): Promise<RowInput> {
  async function* lines(skip: number): AsyncGenerator<Buffer> {
    let place = 0;
    for await (const line of linesOf(createReadStream(path), Infinity)) {
      if (place++ >= skip) yield line!;
    }
  }
  let total = 0;
  const counted = linesOf(createReadStream(path), Infinity);
  while (!(await counted.next()).done) total++;
  return { total, fingerprint: digest([path, size, mtimeMs]), files: [path], lines };
}

async function pictures(folder: string): Promise<RowInput> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  const named = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && PICTURE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const found = await Promise.all(named.map(async (name) => ({ name, version: await versionOf(name) })));
  const names = found.flatMap(({ name, version }) => (version === undefined ? [] : [name]));
  const versions = found.flatMap(({ version }) => version ?? []);
  const idOf = (name: string): string => relative(folder, name).split(sep).join('/');
  const tooLong = names.find((name) => idOf(name).length > MAX_ID);
  if (tooLong !== undefined)
    throw new Error(`${tooLong} is a longer name than the ${MAX_ID} characters of a row's id.`);
  if (names.length === 0) throw new Error(`${folder} holds no pictures (jpg, png, webp, gif).`);
  return {
    total: names.length,
    fingerprint: digest([folder, ...names, ...versions]),
    files: names,
    idOf: (row) => (names[row] === undefined ? undefined : idOf(names[row])),
    async *lines(skip) {
      for (const name of names.slice(skip)) {
        const input = (await readFile(name)).toString('base64');
        yield Buffer.from(JSON.stringify({ custom_id: idOf(name), input }));
      }
    },
  };
}

/** Undefined for a link that leads to no file. @throws Error for what is there by another name than it was read. */
async function versionOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found) return found.isFile() ? `${found.size} ${found.mtimeMs}` : undefined;
  await lstat(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  return undefined;
}

/** Names are read as UTF-8, where what is none becomes U+FFFD: then nothing is there by that name. */
function unreadable(name: string, error: unknown): Error {
  const { code, path = name } = error as NodeJS.ErrnoException;
  const why = path.includes('\ufffd') ? ': its name is not in UTF-8. Rename it, for a row is called by its name' : '';
  return new Error(`${path} cannot be read (${code})${why}.`);
}

function digest(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('base64url');
}
