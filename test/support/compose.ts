/** docker-compose.yml as a project of its own: own name, own port, own volumes; `destroy` removes all of it. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { runProgram } from '../../apps/cli/src/redis/run-program.js';
import { freePort } from '../../apps/cli/src/serve/free-port.js';

/** A build writes more than the megabyte that Node keeps by default. */
const MAX_OUTPUT = 64 * 1024 * 1024;

/** Compose v2 is a part of docker, v1 a program of its own. */
const DIALECTS = [['docker', 'compose'] as const, ['docker-compose'] as const];

export class ComposeProject {
  readonly url: string;
  private readonly name = `sluice-test-${randomBytes(4).toString('hex')}`;

  private constructor(
    private readonly dialect: readonly [string, ...string[]],
    private readonly port: number,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  static async create(): Promise<ComposeProject> {
    for (const dialect of DIALECTS) {
      const [program, ...args] = dialect;
      const { ok } = await runProgram(program, [...args, 'version'], { timeoutMs: 30_000 });
      if (ok) return new ComposeProject(dialect, await freePort('0.0.0.0'));
    }
    throw new Error('neither "docker compose" nor "docker-compose" runs here');
  }

  /** Standard output of a command of compose; one that fails is an error with all that it wrote. */
  run(...args: string[]): Promise<string> {
    const [program, ...first] = this.dialect;
    return execute(program, [...first, '-p', this.name, ...args], { SLUICE_PORT: String(this.port) });
  }

  /** Ids of the containers of a service that run. */
  async containers(service: string): Promise<string[]> {
    return (await this.run('ps', '-q', service)).split('\n').filter((id) => id !== '');
  }

  /** Whatever state it is in: containers, networks and data. */
  async destroy(): Promise<void> {
    await this.run('down', '--volumes', '--remove-orphans');
  }
}

export function docker(...args: string[]): Promise<string> {
  return execute('docker', args);
}

function execute(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: MAX_OUTPUT };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`.slice(-8_000)));
    });
  });
}
