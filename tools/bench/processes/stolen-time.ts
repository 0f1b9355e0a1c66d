/**
 * What the host of a virtual machine took of its processors, as Linux counts it (`steal` of proc_stat(5)). Where nothing
 * is told of it, nothing was taken.
 */
import { readFile } from 'node:fs/promises';

const STEAL = 8;

/** @returns jiffies of all processors: those that were taken, and all there were */
async function jiffies(): Promise<{ stolen: number; all: number }> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '');
  const numbers = (text.split('\n')[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(0, STEAL + 1);
  const counts = numbers.slice(1).map(Number);
  return { stolen: counts[STEAL - 1] ?? 0, all: counts.reduce((sum, count) => sum + count, 0) };
}

/** Begins to look; what comes back tells the share that has been taken since, between 0 and 1. */
export async function watchStolenTime(): Promise<() => Promise<number>> {
  const before = await jiffies();
  return async () => {
    const { stolen, all } = await jiffies();
    return all > before.all ? (stolen - before.stolen) / (all - before.all) : 0;
  };
}
