/**
 * Bytes that this process and its children may still take: what the machine has left, or its container if that is less.
 * Node's own number (process.availableMemory) takes a container's page cache for used, which the kernel would give back,
 * and looks at the container alone.
 */
import { readFileSync } from 'node:fs';
import { freemem, platform, totalmem } from 'node:os';

const GROUPS = [
  { folder: '/sys/fs/cgroup', most: 'memory.max', now: 'memory.current', cache: /^inactive_file (\d+)/m },
  {
    folder: '/sys/fs/cgroup/memory',
    most: 'memory.limit_in_bytes',
    now: 'memory.usage_in_bytes',
    cache: /^total_inactive_file (\d+)/m,
  },
];

export function availableMemory(read: (path: string) => string = (path) => readFileSync(path, 'utf8')): number {
  // macOS counts as free only what it has no use for at all.
  const ofMachine = platform() === 'darwin' ? totalmem() / 2 : freemem();
  return Math.min(ofMachine, ...GROUPS.map((group) => leftIn(group, read)));
}

/** Infinity where there is no such group, or no limit. */
function leftIn({ folder, most, now, cache }: (typeof GROUPS)[number], read: (path: string) => string): number {
  try {
    const [limit, used] = [most, now].map((name) => Number(read(`${folder}/${name}`)));
    const reclaimable = Number(cache.exec(read(`${folder}/memory.stat`))?.[1] ?? 0);
    // "max" is no number.
    return Number.isFinite(limit) ? limit! - used! + reclaimable : Infinity;
  } catch {
    return Infinity;
  }
}
