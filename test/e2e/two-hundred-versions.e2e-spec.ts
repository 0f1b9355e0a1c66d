// Proves: one worker serves two hundred versions, each with queues of its own, and so does the one that follows it.
import { ModelsFolder } from '../support/models-folder.js';
import { postJson } from '../support/http.js';
import { RegisteredModels, ROW_SUM } from '../support/registered.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const VERSIONS = Array.from({ length: 200 }, (_, i) => String(i + 1));
const empty = new ModelsFolder();
let stack: Stack;
let models: RegisteredModels;

beforeAll(async () => {
  stack = await Stack.start({ models: empty.path, workers: 0, serves: false });
  models = new RegisteredModels(stack);
  for (const version of VERSIONS) await models.add({ name: 'sum', version, ...ROW_SUM });
}, 120_000);
afterAll(async () => {
  await stack.close();
  await models.close();
  empty.remove();
});

async function allAnswer(): Promise<void> {
  const answers = await Promise.all(
    VERSIONS.map((version) => postJson(`${stack.url}/predict/sum/${version}`, { input: [1, 2, 3, 4] })),
  );
  expect(answers.map(({ status }) => status)).toEqual(VERSIONS.map(() => 200));
  expect(answers.map(({ json }) => json.version as string)).toEqual(VERSIONS);
  for (const { json } of answers) expect(json.output).toEqual([10]);
}

/** Resolves with the worker that holds all, when it is there and is not `former`. */
async function allReady(former?: string): Promise<string> {
  let holder = '';
  await until(
    'one worker has all ready',
    async () => {
      const [only, ...others] = (await models.beats()).filter(({ worker }) => worker !== former);
      holder = only?.worker ?? '';
      return others.length === 0 && only?.versions.filter(({ state }) => state === 'ready').length === VERSIONS.length;
    },
    120_000,
  );
  return holder;
}

it('are all loaded by one worker and answered at once, and again after it was killed', async () => {
  const env = { SLUICE_EXECUTORS: '1', SLUICE_STORE: models.storeDir };
  const first = stack.addWorker(env);
  const holder = await allReady();
  await allAnswer();
  first.kill('SIGKILL');
  await first.exited;
  stack.addWorker(env);
  await allReady(holder);
  await allAnswer();
}, 300_000);
