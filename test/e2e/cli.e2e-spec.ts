// Proves: the built command line is a program of its own, knows its commands, and tells what it did not understand.
import { digestOfKey, newSecret, parseKeyFile, signedHeaders } from '#inference';
import { Child } from '../support/child.js';
import { ask } from '../support/http.js';
import { sluice } from '../support/sluice.js';

const { bin } = jest.requireActual<{ bin: { sluice: string } }>('../../package.json');

it('shows every command with --help, and one with <command> --help', async () => {
  const all = await sluice(['--help']);
  expect(all).toMatchObject({ code: 0, stderr: '' });
  expect(all.stdout).toMatch(/^ {2}sluice serve$/m);
  expect(all.stdout).toMatch(/^ {2}sluice key <owner> \[--scope predict,admin,worker\]$/m);
  const one = await sluice(['key', '--help']);
  expect(one.stdout).toContain('sluice key');
  expect(one.stdout).not.toContain('sluice serve');
});

it.each([[[]], [['nonsense']], [['toString']], [['serve', 'now']], [['key']], [['key', 'a', 'b']], [['key', '--x']]])(
  'refuses %j with the usage and exit code 2',
  async (args) => {
    const ended = await sluice(args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('Usage:');
  },
);

describe('sluice key', () => {
  it('prints a key and the line by which gateways know it', async () => {
    const { code, stdout } = await sluice(['key', 'team-a']);
    expect(code).toBe(0);
    const key = /^ {2}(slk_\S+)$/m.exec(stdout)![1]!;
    const line = /^ {2}(team-a sha256:\S+)$/m.exec(stdout)![1]!;
    expect(parseKeyFile(line)).toEqual([{ owner: 'team-a', digest: digestOfKey(key), scopes: ['predict'] }]);
  });

  it('gives the key the scopes that are asked for', async () => {
    const { stdout } = await sluice(['key', 'ops', '--scope', 'admin,worker']);
    const line = /^ {2}(ops sha256:.+)$/m.exec(stdout)![1]!;
    expect(parseKeyFile(line)).toMatchObject([{ owner: 'ops', scopes: ['admin', 'worker'] }]);
    const { code, stderr } = await sluice(['key', 'ops', '--scope', 'root']);
    expect(code).toBe(2);
    expect(stderr).toContain('predict,admin,worker');
  });

  it("refuses what is no owner's name", async () => {
    const { code, stderr } = await sluice(['key', 'Team A']);
    expect(code).toBe(2);
    expect(stderr).toContain('a-z, 0-9, _ and -');
  });
});

describe('sluice webhook listen', () => {
  const body = JSON.stringify({ type: 'prediction.completed', data: { text: '\x1b[2J' } });
  let command: Child;
  afterEach(() => command.stop());

  async function listen(...args: string[]): Promise<string> {
    command = new Child(bin.sluice, { SLUICE_WEBHOOK_SECRET: '' }, ['webhook', 'listen', '--port', '0', ...args]);
    return (await command.logged(/http:\/\/127\.0\.0\.1:\d+\//))[0];
  }

  async function deliver(url: string, secret: string): Promise<number> {
    const message = { id: 'msg_1', timestamp: Math.floor(Date.now() / 1_000), body };
    return (await ask(url, { headers: signedHeaders(message, [secret]), body })).status;
  }

  it('makes a secret where none is given, and says what the gateway needs', async () => {
    const url = await listen();
    const [, secret] = await command.logged(
      /export SLUICE_WEBHOOK_SECRET=(whsec_\S+)\n {2}export SLUICE_WEBHOOK_ALLOW/,
    );
    expect(await deliver(url, secret!)).toBe(204);
    await command.logged(/msg_1 {2}signature right/);
    expect(command.log).not.toContain('\x1b');
    expect(await deliver(url, newSecret())).toBe(401);
    await command.logged(/msg_1 {2}NOT VERIFIED.*another secret/);
    expect(await command.stop()).toEqual({ code: 130, signal: null });
  });

  it('prints a line of JSON each with --json, and never the secret that it was given', async () => {
    const secret = newSecret();
    const url = await listen('--json', '--secret', secret);
    await deliver(url, secret);
    const [line] = await command.logged(/^\{"at".*$/m);
    expect(JSON.parse(line)).toMatchObject({ verified: true, id: 'msg_1', again: false, body: JSON.parse(body) });
    expect(command.log).not.toContain(secret);
  });
});
