// Proves: what Dockerfile.gpu and docker-compose.gpu.yml say fits the rest of the project; nothing is built or started.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadWorkerConfig, SETTINGS } from '#inference';
import { ComposeProject } from '../support/compose.js';

interface Service {
  image: string;
  build: unknown;
  environment: Record<string, string>;
  healthcheck: { test: string[] };
  depends_on: Record<string, unknown> | string[];
  deploy?: { resources: { reservations: { devices: { driver: string; count: number; capabilities: string[] }[] } } };
}

/** What onnxruntime-node's install script knows of files that are not in the package. */
interface InstallMetadata {
  requirements: Record<string, string[]>;
  packages: Record<string, { versions: { feed: string; version: string }[] }>;
}

/** The instructions of a stage, up to the next one. */
function stageOf(file: string, name: string): string {
  const stages = readFileSync(file, 'utf8').split(/^(?=FROM )/m);
  return stages
    .find((stage) => new RegExp(`^FROM \\S+ AS ${name}\n`).test(stage))!
    .replace(/\n\n#[^]*$/, '\n')
    .trim();
}

describe('Dockerfile.gpu', () => {
  const text = readFileSync('Dockerfile.gpu', 'utf8');

  it.each(['build', 'production'])('has the stage "%s" of Dockerfile, word for word', (name) => {
    expect(stageOf('Dockerfile.gpu', name)).toBe(stageOf('Dockerfile', name));
  });

  it('fetches the providers that the installed onnxruntime-node has for its CUDA, in its own version', () => {
    const here = createRequire(join(process.cwd(), 'package.json'));
    const installer = here('onnxruntime-node/script/install-metadata.js') as InstallMetadata;
    const [, flag] = /ONNXRUNTIME_NODE_INSTALL=(\w+)/.exec(text)!;
    expect(installer.requirements['linux/x64']).toContain(flag);
    const [, cuda] = /^FROM nvidia\/cuda:(\d+)\.\S+-cudnn-runtime-/m.exec(text)!;
    expect(flag).toBe(`cuda${cuda}`);
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(installer.packages['nuget:linux/x64:cuda12']!.versions).toContainEqual({
      feed: 'nuget',
      version: dependencies['onnxruntime-node'],
    });
  });
});

const DIALECTS = [
  ['docker', 'compose', 'version'],
  ['docker-compose', 'version'],
];
if (DIALECTS.some(([program, ...args]) => spawnSync(program!, args).status === 0)) {
  describe('docker-compose.yml with docker-compose.gpu.yml', withCompose);
} else
  it('leaves out: the merged compose files, as neither "docker compose" nor "docker-compose" runs here', () =>
    undefined);

function withCompose(): void {
  let services: Record<string, Service>;
  beforeAll(async () => {
    const project = await ComposeProject.create();
    const text = await project.run('-f', 'docker-compose.yml', '-f', 'docker-compose.gpu.yml', 'config');
    ({ services } = parse(text) as { services: Record<string, Service> });
  });
  const dependencies = ({ depends_on: on }: Service): string[] => (Array.isArray(on) ? on : Object.keys(on)).sort();

  it('adds one service and takes none away', () => {
    expect(Object.keys(services).sort()).toEqual(['gateway', 'redis', 'worker', 'worker-gpu']);
  });

  it('runs the worker on the GPU like the one on the CPU, but for its image, its settings and its device', () => {
    const own = ['image', 'build', 'environment', 'deploy', 'healthcheck'];
    const rest = (service: Service): object =>
      Object.fromEntries(Object.entries(service).filter(([key]) => !own.includes(key)));
    expect(rest(services['worker-gpu']!)).toEqual(rest(services['worker']!));
    expect(services['worker-gpu']!.healthcheck.test).toEqual(services['worker']!.healthcheck.test);
    expect(services['worker-gpu']!.image).not.toBe(services['worker']!.image);
  });

  it('sets only what a worker reads, the same queue, CUDA, and no fall back', () => {
    const { environment } = services['worker-gpu']!;
    const known = Object.keys(SETTINGS.worker);
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
    expect(loadWorkerConfig(environment)).toMatchObject({ providers: ['cuda'], cpuFallback: false, executors: 1 });
    expect(environment).toMatchObject(services['worker']!.environment);
  });

  it('reserves a GPU', () => {
    const [device] = services['worker-gpu']!.deploy!.resources.reservations.devices;
    expect(device).toMatchObject({ driver: 'nvidia', count: 1, capabilities: ['gpu'] });
  });

  it('stops the gateway before the workers of either kind', () => {
    expect(dependencies(services['gateway']!)).toEqual(['redis', 'worker', 'worker-gpu']);
  });
}
