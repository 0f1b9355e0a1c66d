/** What is thought of a version's memory, from rough measures. */
import { MemoryUse } from './memory-use.js';

describe('the memory of a version', () => {
  it('is never less than its files, nor than what its verification measured', () => {
    const memory = new MemoryUse();
    memory.files = 100;
    expect([memory.bytes, memory.isMeasured]).toEqual([100, false]);
    memory.verified = 150;
    memory.loaded(20);
    expect([memory.bytes, memory.isMeasured]).toEqual([150, true]);
  });

  it('is the median of its last loads, and what its first runs added', () => {
    const memory = new MemoryUse();
    for (const bytes of [900, 100, 110, 120, 130, 990]) memory.loaded(bytes);
    expect(memory.bytes).toBe(120);
    memory.ran('slot 1', 30);
    memory.ran('slot 1', 10);
    memory.ran('slot 2', 35);
    expect(memory.bytes).toBe(160);
    memory.loaded(115);
    expect(memory.bytes).toBe(120);
  });
});
