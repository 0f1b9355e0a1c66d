/** What the system knows of a process: CPU time so far, peak memory, children. Linux only; undefined elsewhere. */
import { readFileSync } from 'node:fs';

export interface NamedProcess {
  name: string;
  pid: number;
}

export interface ProcessUsage {
  name: string;
  cpuMicros: number;
  rssMb: number;
  peakRssMb: number;
}

/** Linux counts CPU time to user space in hundredths of a second, whatever its own clock. */
const MICROS_PER_TICK = 10_000;
const IDLE = new Set([3, 4]);
const UTIME = 11;
const STIME = 12;

export function usageOf({ name, pid }: NamedProcess): ProcessUsage | undefined {
  const fields = statFields(pid);
  const status = read(`/proc/${pid}/status`);
  if (!fields || status === undefined) return undefined;
  const cpuMicros = (Number(fields[UTIME]) + Number(fields[STIME])) * MICROS_PER_TICK;
  const kb = (field: string): number => Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return { name, cpuMicros, rssMb: kb('VmRSS') / 1024, peakRssMb: kb('VmHWM') / 1024 };
}

/** Processes started by this one's main thread. */
export function childrenOf(pid: number): number[] {
  return (read(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
}

/** CPU time that all processes of the machine have had, and what a hypervisor took away. */
export function machineCpuMicros(): number {
  // user nice system idle iowait irq softirq steal
  const ticks = (read('/proc/stat') ?? '').split('\n')[0]!.split(/\s+/).slice(1, 9).map(Number);
  return ticks.reduce((sum, value, i) => (IDLE.has(i) ? sum : sum + value), 0) * MICROS_PER_TICK;
}

/** Fields of /proc/<pid>/stat from the state on; the name before it may hold blanks and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
