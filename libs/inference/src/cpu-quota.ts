/** The cgroup's CPU quota, in whole CPUs (at least 1); undefined where there is none. Node itself looks at the
 * affinity mask only, so in a container limited to 2 of 64 CPUs it would start 64 executors. */
import { readFileSync } from 'node:fs';

export function cpuQuota(read: (path: string) => string = (path) => readFileSync(path, 'utf8')): number | undefined {
  return (
    parse(() => read('/sys/fs/cgroup/cpu.max').trim().split(' ')) ??
    parse(() => [read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'), read('/sys/fs/cgroup/cpu/cpu.cfs_period_us')])
  );
}

function parse(source: () => string[]): number | undefined {
  try {
    const [quota, period] = source().map(Number);
    if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return undefined;
    return Math.max(1, Math.floor(quota / period));
  } catch {
    return undefined;
  }
}
