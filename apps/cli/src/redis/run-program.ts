/** Runs a program to its end and says how that went. A program that is not installed is an answer, not an exception:
 * looking for what a machine has is the normal case here. */
import { execFile } from 'node:child_process';

export interface ProgramResult {
  /** False where the program is missing, failed, or ran past its time. */
  ok: boolean;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  timeoutMs: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

export function runProgram(command: string, args: readonly string[], options: RunOptions): Promise<ProgramResult> {
  const { timeoutMs, ...rest } = options;
  return new Promise((resolve) => {
    execFile(command, args, { timeout: timeoutMs, windowsHide: true, ...rest }, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, stderr: stderr || (error?.message ?? '') });
    });
  });
}
