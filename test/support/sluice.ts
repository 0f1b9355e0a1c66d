/** The built command line, run by its own head as a shell does it: not as an argument of node. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const { bin } = jest.requireActual<{ bin: { sluice: string } }>('../../package.json');

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface SluiceOptions {
  env?: Record<string, string>;
  stdin?: Buffer | string;
  cwd?: string;
}

/** Resolves when it has ended. It has no terminal. */
export async function sluice(args: readonly string[], { env = {}, stdin, cwd }: SluiceOptions = {}): Promise<Ended> {
  const child = spawn(join(process.cwd(), bin.sluice), args, {
    env: { ...process.env, SLUICE_URL: '', SLUICE_API_KEY: '', ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = { stdout: '', stderr: '' };
  child.stdout.on('data', (piece: Buffer) => (ended.stdout += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (ended.stderr += piece.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...ended };
}
