/** The command line and configuration of a Redis. The configuration goes in through stdin, so that the password is in
 * no process list; persistence is the append-only file alone, and nothing is ever evicted. */
import { randomBytes } from 'node:crypto';
import { environmentOf, type RedisProgram } from './redis-program.js';
import { volumeOf } from './docker.js';

/**
 * The append-only file is written anew once it has doubled. Payloads come and go by tens of MB a second, so that it would
 * be every few seconds: each time Redis stands still while it forks, and its child takes a processor from those that
 * answer, most of all to compress numbers that hardly get smaller. A file of 256 MB is read in less than a second.
 */
const REWRITES = ['auto-aof-rewrite-min-size 256mb', 'rdbcompression no'];

export interface RedisSettings {
  port: number;
  /** Where the append-only file lies. */
  dir: string;
  appendonly: boolean;
  maxMemoryBytes?: number;
  password?: string;
}

export interface RedisCommand {
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  configuration: string;
  container?: string;
}

export function redisCommand(program: RedisProgram, settings: RedisSettings): RedisCommand {
  if (program.kind === 'binary') {
    return {
      command: program.command,
      args: ['-'],
      env: environmentOf(program.libraryPath),
      configuration: configuration(settings, { port: settings.port, bind: '127.0.0.1', dir: settings.dir }),
    };
  }
  const container = `sluice-redis-${randomBytes(6).toString('hex')}`;
  const published = `127.0.0.1:${settings.port}:6379`;
  const volume = `${volumeOf(settings.dir)}:/data`;
  // prettier-ignore
  const args = ['run', '--rm', '-i', '--name', container, '-p', published, '-v', volume,
    program.image, 'redis-server', '-'];
  return {
    command: 'docker',
    args,
    env: environmentOf(undefined),
    configuration: configuration(settings, { port: 6379, bind: '0.0.0.0', dir: '/data' }),
    container,
  };
}

export function redisUrl({ port, password }: RedisSettings): string {
  return `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`;
}

function configuration(settings: RedisSettings, place: { port: number; bind: string; dir: string }): string {
  const lines = [
    `port ${place.port}`,
    `bind ${place.bind}`,
    `dir ${JSON.stringify(place.dir)}`,
    'save ""',
    `appendonly ${settings.appendonly ? 'yes' : 'no'}`,
    'appendfsync everysec',
    ...REWRITES,
    'maxmemory-policy noeviction',
  ];
  if (settings.maxMemoryBytes !== undefined) lines.push(`maxmemory ${settings.maxMemoryBytes}`);
  if (settings.password !== undefined) lines.push(`requirepass ${settings.password}`);
  return `${lines.join('\n')}\n`;
}
