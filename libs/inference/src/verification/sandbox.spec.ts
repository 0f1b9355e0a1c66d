/** What the sandbox holds against a child that hangs, dies, lies, floods or litters: the worst of them, as processes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OwnWorkplace, VERIFIER } from '../../../../test/fixtures/verified.js';
import { fixtureModel } from '../../../../test/fixtures/packages.js';
import { onLinux } from '../../../../test/support/linux.js';
import { CHECKS } from '../contract/verification.js';
import { verifyPackage, type Verified, type VerifyOptions } from './verify-package.js';

const MISBEHAVING = pathToFileURL(join(process.cwd(), 'test/fixtures/verifiers/misbehaving.mjs'));
const MIB = 1024 * 1024;

function act(name: string, options: Partial<VerifyOptions> = {}): Promise<Verified> {
  return verifyPackage(join('/nowhere', name), {
    entry: MISBEHAVING,
    timeoutMs: 20_000,
    memoryBytes: 512 * MIB,
    ...options,
  });
}

const workplace = new OwnWorkplace();
afterEach(() => expect(workplace.leftBehind).toEqual([]));
afterAll(() => workplace.remove());

describe('a verification whose process misbehaves', () => {
  it.each([
    ['segfault', /^The model ended the process that ran it \(SIGSEGV\) during the act "segfault"\./],
    ['exit', /^The model ended the process that ran it \(exit 0\) during/],
    ['killed', /^The process of the verification was killed from outside during .* for want of memory/],
    ['garbage', /^The process of the verification answered what it must not during/],
    ['unknown', /^The process of the verification answered what it must not during/],
    ['answers', /^The verification was broken off during .*: its process wrote without end/],
    ['endless', /^The verification was broken off during .*: its process wrote without end/],
    ['prints', /^The verification was broken off during .*: its process wrote without end/],
    [
      'heap',
      /^The model needs more memory than there is during .* may take 512 MiB \(SLUICE_CHECK_MEMORY_BYTES\)\. .*lower batching\.maxBatchSize/,
    ],
  ])('%s: fails with its own message', async (name, says) => {
    const { report, reason, passed } = await act(name);
    expect(reason).toMatch(says);
    expect(passed).toBeUndefined();
    expect(report.outcome).toBe('failed');
    expect(report.checks.map(({ check }) => check)).toEqual(CHECKS);
    expect(report.checks.filter(({ status }) => status === 'failed').map(({ check }) => check)).toEqual(['warm-up']);
  });

  it('hang: is broken off in time', async () => {
    const { reason, report } = await act('hang', { timeoutMs: 2_000 });
    expect(reason).toMatch(
      /^The verification was broken off after 2 s during the act "hang"\..*SLUICE_CHECK_TIMEOUT_MS/,
    );
    expect(report.ms).toBeGreaterThan(1_900);
    expect(report.ms).toBeLessThan(7_500);
  });

  it.each(['early', 'liar'])('%s: nothing has passed that was not said to', async (name) => {
    const { report, passed, reason } = await act(name);
    expect(report.outcome).toBe('failed');
    expect(passed).toBeUndefined();
    expect(reason).toMatch(/did not come to its end/);
  });

  it('long: a message is cut', async () => {
    expect((await act('long')).reason).toHaveLength(2_001);
  });

  onLinux('memory on Linux', () => {
    it('buffers: memory ends where it is told to', async () => {
      expect((await act('buffers')).reason).toMatch(/^The model needs more memory than there is during/);
    });
  });

  it('litter: all of it is removed, and nothing that a link led to', async () => {
    const { reason } = await act('litter');
    expect(reason).toContain('sluice-verify-');
    expect(existsSync(reason!)).toBe(false);
    expect(existsSync('/etc/hosts')).toBe(true);
  });

  it('is in an empty folder, with an empty environment, after everybody else, behind a fence', async () => {
    process.env['SLUICE_SECRET_OF_A_TEST'] = 'x';
    const seen = JSON.parse((await act('look')).reason!) as Record<string, unknown>;
    delete process.env['SLUICE_SECRET_OF_A_TEST'];
    expect(seen['env']).toEqual(expect.arrayContaining(['ORT_DISABLE_TELEMETRY', 'TMPDIR']));
    // What a shell adds of its own says where it is.
    const own = ['ORT_DISABLE_TELEMETRY', 'TMPDIR', 'TMP', 'TEMP', 'PWD', 'OLDPWD', 'SHLVL', '_', 'LD_LIBRARY_PATH'];
    expect((seen['env'] as string[]).filter((name) => !own.includes(name))).toEqual([]);
    expect(seen).toMatchObject({ there: [], nice: 10, write: 'ERR_ACCESS_DENIED' });
    expect(seen).toMatchObject({ read: 'ERR_ACCESS_DENIED', run: 'ERR_ACCESS_DENIED' });
  });
});

describe('a verification that nobody wants any more', () => {
  it('ends at once, with the reason', async () => {
    const stop = new AbortController();
    const verification = act('hang', { signal: stop.signal });
    const began = performance.now();
    setTimeout(() => stop.abort(new Error('the worker stops')), 500);
    await expect(verification).rejects.toThrow('the worker stops');
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('is not begun', async () => {
    await expect(act('hang', { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
  });

  it('tells of each check as it is made', async () => {
    const made: string[] = [];
    const options = { entry: VERIFIER, progress: ({ check }: { check: string }) => void made.push(check) };
    await verifyPackage(fixtureModel('add'), options);
    expect(made).toEqual(CHECKS);
  });
});
