// Proves: the built command line is a program of its own, knows its commands, and tells what it did not understand.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { digestOfKey, parseKeyFile } from '#inference';

const { bin } = jest.requireActual<{ bin: { sluice: string } }>('../../package.json');

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** By its own head, as a shell does it: not as an argument of node. */
function sluice(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(join(process.cwd(), bin.sluice), args, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

it('shows every command with --help, and one with <command> --help', async () => {
  const all = await sluice('--help');
  expect(all).toMatchObject({ code: 0, stderr: '' });
  expect(all.stdout).toMatch(/^ {2}sluice serve$/m);
  expect(all.stdout).toMatch(/^ {2}sluice key <owner>$/m);
  const one = await sluice('key', '--help');
  expect(one.stdout).toContain('sluice key');
  expect(one.stdout).not.toContain('sluice serve');
});

it.each([[[]], [['nonsense']], [['toString']], [['serve', 'now']], [['key']], [['key', 'a', 'b']], [['key', '--x']]])(
  'refuses %j with the usage and exit code 2',
  async (args) => {
    const ended = await sluice(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('Usage:');
  },
);

describe('sluice key', () => {
  it('prints a key and the line by which gateways know it', async () => {
    const { code, stdout } = await sluice('key', 'team-a');
    expect(code).toBe(0);
    const key = /^ {2}(slk_\S+)$/m.exec(stdout)![1]!;
    const line = /^ {2}(team-a sha256:\S+)$/m.exec(stdout)![1]!;
    expect(parseKeyFile(line)).toEqual([{ owner: 'team-a', digest: digestOfKey(key) }]);
  });

  it("refuses what is no owner's name", async () => {
    const { code, stderr } = await sluice('key', 'Team A');
    expect(code).toBe(2);
    expect(stderr).toContain('a-z, 0-9, _ and -');
  });
});
