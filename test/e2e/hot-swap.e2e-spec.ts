// Proves: under 64 callers a version goes live and comes back out again and again, while the other is unloaded and loaded in
// between: no request fails, and no answer is of another version than it says or than was meant.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scaleModel } from '../fixtures/scale-model.js';
import { postJson } from '../support/http.js';
import { ModelsApi } from '../support/models-api.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const CALLERS = 64;
const SWAPS = 20;
const own = new ModelsFolder();
const store = mkdtempSync(join(tmpdir(), 'sluice-swap-'));
let stack: Stack;
let api: ModelsApi;

beforeAll(async () => {
  stack = await Stack.start({
    models: own.path,
    serves: false,
    gatewayEnv: { SLUICE_STORE: store },
    workerEnv: { SLUICE_STORE: store, SLUICE_EXECUTORS: '1' },
  });
  api = new ModelsApi(stack.url);
  for (const version of ['1', '2']) {
    await api.add(scaleModel(Number(version)), { name: 'm', version }, { prefer: 'wait=30' });
    await becomes(version, 'ready');
  }
});
afterAll(async () => {
  await stack.close();
  own.remove();
  rmSync(store, { recursive: true });
});

function becomes(version: string, state: string): Promise<void> {
  return until(`m:${version} is ${state}`, async () => (await api.state('m', version)) === state);
}

interface Answered {
  begun: number;
  ended: number;
  status: number;
  version: string;
  /** Of the version that answered, by its output. */
  factor: number;
}

/** A time in which a version was, or may have been, the default. */
interface Reign {
  version: string;
  from: number;
  to: number;
}

class Crowd {
  readonly answers: Answered[] = [];
  private stopped = false;
  private readonly callers: Promise<void>[];

  constructor(size: number) {
    this.callers = Array.from({ length: size }, (_, i) => this.call(i + 1));
  }

  /** Resolves when each caller has been answered since, on average. */
  round(): Promise<void> {
    const enough = this.answers.length + CALLERS;
    return until('all callers have been answered', () => this.answers.length >= enough);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.callers);
  }

  private async call(own: number): Promise<void> {
    while (!this.stopped) {
      const begun = performance.now();
      const { status, json } = await postJson(`${stack.url}/predict/m`, { input: [own, 0, 0, 0] });
      const [first = NaN] = (json.output ?? []) as number[];
      this.answers.push({ begun, ended: performance.now(), status, version: json.version, factor: first / own });
    }
  }
}

async function setDefault(version: string, reigns: Reign[]): Promise<void> {
  const from = performance.now();
  const { status } = await api.send('PUT', '/m/default', { version });
  expect(status).toBe(200);
  const last = reigns.at(-1);
  if (last) last.to = performance.now();
  reigns.push({ version, from, to: Infinity });
}

it('20 swaps under 64 callers', async () => {
  const reigns: Reign[] = [];
  await setDefault('1', reigns);
  const crowd = new Crowd(CALLERS);
  for (let swap = 1; swap <= SWAPS; swap++) {
    const [next, old] = swap % 2 === 1 ? ['2', '1'] : ['1', '2'];
    await setDefault(next, reigns);
    await crowd.round();
    if (swap % 5 !== 0) continue;
    expect((await api.call('POST', `/m/versions/${old}/unload`)).status).toBe(200);
    await becomes(old, 'unloaded');
    await crowd.round();
    expect((await api.call('POST', `/m/versions/${old}/load`)).status).toBe(200);
    await becomes(old, 'ready');
  }
  await crowd.stop();

  const { answers } = crowd;
  expect(answers.length).toBeGreaterThan(SWAPS * CALLERS);
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  expect(answers.filter(({ version, factor }) => factor !== Number(version))).toEqual([]);
  const meant = ({ begun, ended, version }: Answered): boolean =>
    reigns.some((reign) => reign.version === version && reign.from <= ended && begun <= reign.to);
  expect(answers.filter((answer) => !meant(answer))).toEqual([]);
  for (const version of ['1', '2'])
    expect(answers.filter((answer) => answer.version === version).length).toBeGreaterThan(0);
}, 120_000);
