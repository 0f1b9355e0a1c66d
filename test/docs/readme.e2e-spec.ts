// Proves: what the README tells its reader to type works as it is written there, and answers what is printed there.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadWorkerConfig } from '#inference';
import { parseManifest } from '../../libs/inference/src/packages/manifest.js';
import { Stack } from '../support/stack.js';
import { blocksOf } from './pages.js';

const README = 'README.md';
const commands = blocksOf(README, 'sh').flatMap((block) => block.trim().split('\n'));
const text = readFileSync(README, 'utf8');

function command(pattern: RegExp): string {
  const found = commands.filter((line) => pattern.test(line));
  expect(found).toHaveLength(1);
  return found[0]!;
}

describe('the commands of the README', () => {
  it('are scripts that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const used = [...text.matchAll(/npm (?:run )?([a-z:]+)/g)].map((match) => match[1]!);
    const own = [...new Set(used)].filter((name) => name !== 'ci');
    expect(own).toEqual(expect.arrayContaining(['start', 'start:worker', 'test', 'bench']));
    expect(own.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('start with the two that a fresh checkout needs', () => {
    expect(commands.slice(0, 2)).toEqual(['npm ci', 'npm start']);
  });

  it('set only variables that there are', () => {
    const set = commands.flatMap((line) => line.match(/\b[A-Z][A-Z_]+(?==)/g) ?? []);
    const known = readFileSync('libs/inference/src/config.ts', 'utf8');
    expect(set.filter((name) => !known.includes(`  ${name}:`))).toEqual([]);
    expect(() => loadWorkerConfig({ SLUICE_EXECUTORS: '1', SLUICE_WORKER_PORT: '0' })).not.toThrow();
  });

  it('scale a service that the compose file has', () => {
    const [, service] = /docker compose up --scale (\w+)=\d/.exec(text)!;
    expect(existsSync('docker-compose.yml')).toBe(true);
    expect(readFileSync('docker-compose.yml', 'utf8')).toMatch(new RegExp(`^  ${service}:`, 'm'));
  });
});

it('asks for the Node that package.json asks for', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  expect(text).toContain(`Node ${engines.node.replace('>=', '')} or newer`);
});

it('shows a model.json that is accepted as it stands', () => {
  const shown = blocksOf(README, 'json').find((block) => block.includes('"task"'))!;
  expect(parseManifest(JSON.parse(shown))).toMatchObject({ task: 'image-classification' });
});

describe('with the service running on a folder made by the README', () => {
  // The commands run in a folder of their own that looks like a checkout.
  const folder = mkdtempSync(join(tmpdir(), 'sluice-readme-'));
  let stack: Stack;

  async function bash(line: string): Promise<string> {
    const here = line.replaceAll('http://127.0.0.1:8080', stack.url);
    const { stdout } = await promisify(execFile)('bash', ['-ec', here], { cwd: folder });
    return stdout;
  }

  beforeAll(async () => {
    for (const name of ['examples', 'test']) symlinkSync(join(process.cwd(), name), join(folder, name));
    const make = ['mkdir -p models/digits', `cp -r ${join(process.cwd(), 'models/digits/1')} models/digits/`];
    const own = [command(/^mkdir -p models\//), command(/^cp .* models\//)];
    await promisify(execFile)('bash', ['-ec', [...make, ...own].join('\n')], { cwd: folder });
    stack = await Stack.start({
      models: join(folder, 'models'),
      gatewayEnv: { SLUICE_DEFAULT_MODEL: 'digits' },
      awaits: ['row_sum'],
    });
  });
  afterAll(async () => {
    await stack.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers the first curl with what is printed under it', async () => {
    const answer = JSON.parse(await bash(command(/^curl -F /))) as { prediction: number };
    const printed = JSON.parse(blocksOf(README, 'json')[0]!) as typeof answer;
    expect(shapeOf(answer)).toEqual(shapeOf(printed));
    expect(withoutMetrics(answer)).toEqual(withoutMetrics(printed));
  });

  it('answers the curl for an own ONNX file with what is printed under it', async () => {
    const answer = await bash(command(/^curl .*row_sum/));
    const [, printed] = /The answer is `(\{.*), …\}`/.exec(text)!;
    expect(answer.startsWith(printed!)).toBe(true);
  });

  it('is what the example of the digits shows too', async () => {
    const [line] = blocksOf('examples/digits/README.md', 'sh');
    expect(JSON.parse(await bash(line!.trim()))).toMatchObject({ prediction: 7 });
  });
});

/** Keys and types of values, all the way down. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]));
}

/** Times and the worker's id differ from run to run, and scores in their last digits from machine to machine. */
function withoutMetrics(answer: object): unknown {
  const rest = Object.fromEntries(Object.entries(answer).filter(([key]) => key !== 'metrics'));
  return JSON.parse(JSON.stringify(rest), (_, value: unknown) =>
    typeof value === 'number' ? Number(value.toFixed(4)) : value,
  ) as unknown;
}
