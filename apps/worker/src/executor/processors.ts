/** The processors that this worker may use, and which of them are an executor's. Linux only: elsewhere none are known. */
import { readFileSync } from 'node:fs';

export function allowedProcessors(read: (path: string) => string = (path) => readFileSync(path, 'utf8')): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status'));
    return (list?.[1]?.split(',') ?? []).flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number) as [number, number?];
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
  } catch {
    return [];
  }
}

/** As many as it has threads, those behind its neighbour's; from the first again where there are fewer in all. */
export function processorsOf(place: number, threads: number, allowed: readonly number[]): number[] {
  const own = Array.from({ length: threads }, (_, i) => allowed[(place * threads + i) % allowed.length]!);
  return [...new Set(own)];
}
