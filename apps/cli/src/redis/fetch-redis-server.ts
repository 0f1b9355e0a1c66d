/**
 * Fetches a Redis without root from the Debian or Ubuntu packages this machine already trusts, and unpacks it beside the
 * data: no system file is read for writing, apt checks the signatures as always. apt's own solver says which libraries
 * are missing here, because their package names differ from release to release. Invariant: what lies under
 * `<dataDir>/redis` has been started once; it gets there by one rename, so an interrupted fetch leaves nothing to trip on.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isRunning } from './process-identity.js';
import { isNewEnough, probeRedis, type RedisBinary } from './redis-program.js';
import { runProgram } from './run-program.js';
import { aptConfiguration } from './apt-configuration.js';

/** The server is a link to a binary that lies in the tools' package. */
const PACKAGES = [
  ['redis-server', 'redis-tools'],
  ['valkey-server', 'valkey-tools'],
] as const;

interface FetchOptions {
  dataDir: string;
  report: (line: string) => void;
  signal?: AbortSignal;
}

/** One that an earlier fetch left. */
export async function fetchedRedis(dataDir: string): Promise<RedisBinary | undefined> {
  return probeUnpacked(resolve(dataDir, 'redis'));
}

export async function fetchRedisServer(options: FetchOptions): Promise<RedisBinary | undefined> {
  const { dataDir, report, signal } = options;
  if (!(await hasApt())) return undefined;
  report("Fetching redis-server from this system's packages; no root needed ...");
  const started = performance.now();
  await removeLeftovers(dataDir);
  const folder = resolve(dataDir, `redis.fetching-${process.pid}`);
  try {
    const problem = await unpackInto(folder, signal);
    if (problem !== undefined) {
      if (!signal?.aborted) report(`It could not be fetched: ${problem}`);
      return undefined;
    }
    await moveIntoPlace(join(folder, 'root'), resolve(dataDir, 'redis'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const found = await fetchedRedis(dataDir);
  if (found) report(`Fetched Redis ${found.version} in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  return found;
}

export async function hasApt(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const answers = await Promise.all(
    ['apt-get', 'dpkg'].map((name) => runProgram(name, ['--version'], { timeoutMs: 10_000 })),
  );
  return answers.every(({ ok }) => ok);
}

/** Returns what went wrong, or nothing. */
async function unpackInto(folder: string, signal?: AbortSignal): Promise<string | undefined> {
  const archives = join(folder, 'cache/archives');
  const root = join(folder, 'root');
  for (const path of [join(folder, 'state/lists/partial'), join(archives, 'partial'), root]) {
    await mkdir(path, { recursive: true });
  }
  const configuration = join(folder, 'apt.conf');
  await writeFile(configuration, aptConfiguration(folder));
  const run = (command: string, ...args: string[]) =>
    runProgram(command, args, { timeoutMs: 180_000, cwd: folder, ...(signal && { signal }) });

  // Its exit status is no judgement: one unreachable third-party source fails it although Debian's own came.
  const update = await run('apt-get', '-c', configuration, '-qq', 'update');
  let problem = reasonIn(update.stderr);
  for (const packages of PACKAGES) {
    // prettier-ignore
    const download = await run('apt-get', '-c', configuration, '-qq', '-y', '--no-install-recommends',
      '--download-only', '--reinstall', 'install', ...packages);
    if (signal?.aborted) return 'stopped';
    problem ||= reasonIn(download.stderr);
    if (!download.ok) continue;
    // A C library other than the running loader's own crashes every program that is started with it.
    const wanted = (await readdir(archives)).filter((name) => name.endsWith('.deb') && !/^libc6[_-]/.test(name));
    if (wanted.length === 0) continue;
    for (const name of wanted) await run('dpkg', '-x', join(archives, name), root);
    const found = await probeUnpacked(root);
    if (found && isNewEnough(found.version)) return undefined;
    problem = found ? `the packages hold Redis ${found.version}, which is too old` : 'what came does not run here';
  }
  return problem || 'no package was found';
}

async function probeUnpacked(root: string): Promise<RedisBinary | undefined> {
  for (const name of ['redis-server', 'valkey-server']) {
    const command = join(root, 'usr/bin', name);
    if (existsSync(command)) return probeRedis(command, await libraryPath(root));
  }
  return undefined;
}

/** Libraries lie in a folder named after the architecture, one level below lib. */
async function libraryPath(root: string): Promise<string> {
  const folders: string[] = [];
  for (const lib of [join(root, 'usr/lib'), join(root, 'lib')]) {
    const entries = await readdir(lib, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) folders.push(join(lib, entry.name));
    folders.push(lib);
  }
  return folders.join(':');
}

async function moveIntoPlace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch {
    // Either another start was faster, or what is there no longer runs (a changed system): then it goes.
    if ((await probeUnpacked(to)) !== undefined) return;
    await rm(to, { recursive: true, force: true });
    await rename(from, to);
  }
}

/** What fetches that were killed have left. */
async function removeLeftovers(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir).catch(() => [])) {
    const pid = /^redis\.fetching-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

/** The last line that apt calls an error, or else the last one. */
function reasonIn(text: string): string {
  const lines = text.trim().split('\n');
  return lines.findLast((line) => line.startsWith('E:')) ?? lines.at(-1) ?? '';
}
