// Proves: the one command serves a real prediction on a Redis of its own, stops without leaving a process, and begins again.
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../support/child.js';
import { temporaryDataDir } from '../support/data-dir.js';
import { until } from '../support/until.js';
import { ask, form, seven } from '../support/http.js';
import { isAlive } from '../support/processes.js';

let dataDir: string;
let served: Child | undefined;
beforeAll(async () => (dataDir = await temporaryDataDir()));
afterAll(async () => {
  await served?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function serve(): Promise<{ command: Child; url: string }> {
  const env = {
    SLUICE_DATA: dataDir,
    REDIS_URL: '',
    PORT: '',
    SLUICE_MODELS: 'models',
    SLUICE_WORKER_PORT: '0',
    SLUICE_LAME_DUCK_MS: '0',
  };
  const command = new Child('dist/apps/cli/src/main.js', env, ['serve']);
  served = command;
  const [, url] = await command.logged(/Sluice is ready on (http:\S+)/, { withinMs: 120_000 });
  return { command, url: url! };
}

/** Processes whose parent is `pid`, and theirs. */
function descendants(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return (
          Number(
            readFileSync(join('/proc', name, 'stat'), 'utf8')
              .split(') ')[1]!
              .split(' ')[1],
          ) === pid
        );
      } catch {
        return false;
      }
    })
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

it('serves the default model, ends everything on Ctrl-C, and a second start finds its data', async () => {
  const first = await serve();
  const answer = await ask(`${first.url}/predict`, form([{ name: 'file', filename: 'seven.png', content: seven() }]));
  expect(answer.json).toMatchObject({ prediction: 7, model: 'digits' });
  expect(first.command.log).toContain(`curl -F file=@examples/digits/seven.png ${first.url}/predict`);
  const processes = descendants(first.command.pid);
  expect(processes.length).toBeGreaterThanOrEqual(4);
  first.command.kill('SIGINT');
  expect(await first.command.exited).toEqual({ code: 0, signal: null });
  expect(processes.filter(isAlive)).toEqual([]);
  const kept = readdirSync(join(dataDir, 'data'), { recursive: true }).map(String);
  expect(kept.some((name) => name.includes('appendonly'))).toBe(true);

  const second = await serve();
  const again = await ask(`${second.url}/predict`, { headers: { 'content-type': 'image/png' }, body: seven() });
  expect(again.json.prediction).toBe(7);
  expect(await second.command.stop()).toEqual({ code: 0, signal: null });
}, 240_000);

it('leaves no process behind when it is killed itself', async () => {
  const { command } = await serve();
  const processes = descendants(command.pid);
  command.kill('SIGKILL');
  await command.exited;
  const { command: next } = await serve();
  // Its Redis has outlived it until the next start; its gateway ends by itself, as soon as balancers could have looked.
  await until('all of it have ended', () => !processes.some(isAlive));
  expect((await next.stop()).code).toBe(0);
}, 240_000);
