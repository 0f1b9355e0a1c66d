/** A Redis that this machine can run, and the question whether a given binary is one. Invariant: a binary that came out
 * of `probeRedis` has been run and has told its version; nothing is concluded from a file's name alone. */
import { childEnv } from '#inference';
import { runProgram } from './run-program.js';

export interface RedisBinary {
  kind: 'binary';
  command: string;
  /** Where its shared libraries lie, if not where the system looks. */
  libraryPath?: string;
  /** As its own `--version` says it, such as `7.0.15`. */
  version: string;
}

export interface RedisInDocker {
  kind: 'docker';
  image: string;
}

export type RedisProgram = RedisBinary | RedisInDocker;

/** Streams, scripts and commands that the queue needs are complete from here on. */
export const OLDEST_REDIS = '6.2';

export async function probeRedis(command: string, libraryPath?: string): Promise<RedisBinary | undefined> {
  const { ok, stdout } = await runProgram(command, ['--version'], {
    timeoutMs: 10_000,
    env: environmentOf(libraryPath),
  });
  const version = /\bv=(\d+\.\d+[\d.]*)/.exec(stdout)?.[1];
  if (!ok || version === undefined) return undefined;
  return { kind: 'binary', command, version, ...(libraryPath === undefined ? {} : { libraryPath }) };
}

export function isNewEnough(version: string): boolean {
  return version.localeCompare(OLDEST_REDIS, 'en', { numeric: true }) >= 0;
}

export function environmentOf(libraryPath: string | undefined): NodeJS.ProcessEnv {
  return childEnv(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath });
}
