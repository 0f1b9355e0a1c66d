/** How much memory is left, by what the kernel says of a container. */
import { freemem } from 'node:os';
import { availableMemory } from './available-memory.js';

const files = (contents: Record<string, string>) => (path: string) => {
  const found = contents[path];
  if (found === undefined) throw new Error('ENOENT');
  return found;
};

describe('memory that is available', () => {
  it.each([
    {
      '/sys/fs/cgroup/memory.max': '1000\n',
      '/sys/fs/cgroup/memory.current': '900\n',
      '/sys/fs/cgroup/memory.stat': 'anon 500\ninactive_file 300\nactive_file 100\n',
    },
    {
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1000\n',
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': '900\n',
      '/sys/fs/cgroup/memory/memory.stat': 'inactive_file 10\ntotal_inactive_file 300\n',
    },
  ])('is what a limited container has left, the page cache that it can do without included: %p', (contents) => {
    expect(availableMemory(files(contents))).toBe(400);
  });

  it('is what the machine has left where no container limits it', () => {
    const unlimited = files({
      '/sys/fs/cgroup/memory.max': 'max\n',
      '/sys/fs/cgroup/memory.current': '900\n',
      '/sys/fs/cgroup/memory.stat': 'inactive_file 300\n',
    });
    for (const read of [unlimited, files({})]) {
      const about = freemem();
      expect(Math.abs(availableMemory(read) - about)).toBeLessThan(about / 2);
    }
  });
});
