/** What is thought of a version's memory, from rough measures. */
import { MemoryUse } from './memory-use.js';

describe('the memory of a version', () => {
  it('is never less than its files and a session, nor than what its verification measured', () => {
    const memory = new MemoryUse();
    memory.files = 1e6;
    expect(memory.bytes).toBe(1_450_000);
    memory.verified = 2e6;
    memory.loaded(20);
    expect(memory.bytes).toBe(2e6);
  });

  it('is the median of its last loads, and what its first runs added', () => {
    const memory = new MemoryUse();
    for (const bytes of [90e6, 10e6, 11e6, 12e6, 13e6, 99e6]) memory.loaded(bytes);
    expect(memory.bytes).toBe(12e6);
    memory.ran('slot 1', 3e6);
    memory.ran('slot 1', 1e6);
    memory.ran('slot 2', 3.5e6);
    expect(memory.bytes).toBe(16e6);
    memory.loaded(11.5e6);
    expect(memory.bytes).toBe(12e6);
  });
});
