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

  it('is the most that it took in its last loads, and what its first runs added', () => {
    const memory = new MemoryUse();
    memory.files = 10e6;
    for (const bytes of [40e6, 12e6, 11e6, 10e6, 13e6, 9e6]) memory.loaded(bytes);
    expect(memory.bytes).toBe(13e6);
    memory.ran('slot 1', 3e6);
    memory.ran('slot 1', 1e6);
    memory.ran('slot 2', 3.5e6);
    expect(memory.bytes).toBe(17e6);
    memory.loaded(11.5e6);
    expect(memory.bytes).toBe(13e6);
  });

  it('is not what a package of its size never takes', () => {
    const memory = new MemoryUse();
    memory.files = 2e6;
    memory.loaded(500e6);
    expect(memory.bytes).toBe(22e6);
  });
});
