/**
 * How the child of a verification is started, so that it can do as little harm as is possible without privileges: limits
 * of the kernel through a shell, Node's permission model, and an environment that holds no secret. docs/verification.md
 * says what of it holds on which system.
 *
 * Invariant: a limit that a system does not have is left out, and the child starts all the same.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Confinement {
  /** The child's program. */
  entry: URL;
  /** The folders that it may read beside its own. */
  reads: readonly string[];
  /** Its working directory, the only one that it may write. */
  work: string;
  timeoutMs: number;
  memoryBytes: number;
  threads: number;
  /** Only the CPU computes; drivers of devices reserve memory far beyond what they use. */
  isCpuOnly: boolean;
}

/** MiB of V8's own heap, at most and as a share of all memory: rows, tensors and pictures lie outside of it. */
const HEAP_MIB = 512;
const HEAP_SHARE = 4;
/** The child's main thread and its run thread. */
const ISOLATES = 2;
/** Largest file that it may write, in blocks of 512 bytes: 64 MiB. */
const FILE_BLOCKS = 131_072;
/** A limit that fails to be set is one that was lower before, or that the system does not know. */
const LIMITS = [
  '{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null',
  'ulimit -c 0 2>/dev/null',
  'ulimit -t "$1" 2>/dev/null',
  'ulimit -f "$2" 2>/dev/null',
  '[ "$3" = none ] || ulimit -d "$3" 2>/dev/null',
  'shift 3',
  'exec "$@"',
].join('; ');

/** Program and arguments. */
export function confinedCommand(confinement: Confinement): [command: string, args: string[]] {
  const { timeoutMs, memoryBytes, threads, isCpuOnly } = confinement;
  // As Node itself names its main module, and so what it asks its fence for.
  const entry = realpathSync(fileURLToPath(confinement.entry));
  const heap = Math.min(HEAP_MIB, Math.floor(memoryBytes / HEAP_SHARE / 2 ** 20));
  const node = [`--max-old-space-size=${heap}`, '--no-warnings', ...permissions(entry, confinement), entry];
  if (process.platform === 'win32') return [process.execPath, node];
  // Only for a child that outlives whoever would kill it: in time it would be killed long before.
  const cpuSeconds = Math.ceil((timeoutMs / 1_000) * (threads + 2)) + 10;
  const kilobytes = isCpuOnly ? String(Math.ceil((memoryBytes + ISOLATES * codeRangeBytes()) / 1_024)) : 'none';
  return [
    '/bin/sh',
    ['-c', LIMITS, 'sh', String(cpuSeconds), String(FILE_BLOCKS), kilobytes, process.execPath, ...node],
  ];
}

/**
 * What V8 reserves for machine code, once an isolate and mostly never used: 509 MiB from Node 24 on. Where it is mapped
 * writable the kernel counts it as data, so the limit must lie that much higher. The child runs the same V8 as this.
 */
function codeRangeBytes(): number {
  const maps = existsSync('/proc/self/maps') ? readFileSync('/proc/self/maps', 'utf8') : '';
  let largest = 0;
  for (const [, from, to] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rwxp/gm)) {
    largest = Math.max(largest, Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)));
  }
  return largest;
}

/** Node's own fence: no processes, no writing but in the working directory, no reading but of program and package. */
function permissions(entry: string, { reads, work }: Confinement): string[] {
  const known = process.allowedNodeEnvironmentFlags;
  const model = ['--permission', '--experimental-permission'].find((flag) => known.has(flag));
  if (model === undefined || !known.has('--allow-addons')) return [];
  const folders = [...programFolders(entry), ...reads.map(whole), whole(work)];
  return [
    model,
    '--allow-addons',
    '--allow-worker',
    ...folders.map((folder) => `--allow-fs-read=${folder}`),
    `--allow-fs-write=${whole(work)}`,
  ];
}

/** What the program is made of: the build that the entry belongs to, and every folder in which dependencies may lie. */
function programFolders(entry: string): string[] {
  const found = new Set<string>();
  let below = entry;
  let isOutside = false;
  for (let folder = dirname(entry); folder !== below; folder = dirname(folder)) {
    const description = join(folder, 'package.json');
    if (!isOutside && existsSync(description)) {
      found.add(description).add(whole(below));
      isOutside = true;
    }
    const modules = join(folder, 'node_modules');
    if (existsSync(modules)) for (const each of [modules, realpathSync(modules)]) found.add(whole(each));
    below = folder;
  }
  return [...found];
}

function whole(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}
