// Proves: bulk rows run in an executor of their own that the system serves last and that callers never wait for, whose loss
// harms nothing, and that a worker can do without.
import { constants, getPriority } from 'node:os';
import { ask, postJson, type Answer } from '../support/http.js';
import { metric, opsUrl } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { childrenOf, commandOf, isInIdleClass, processorsOf } from '../support/processes.js';
import { ended, results, sendRows } from '../support/rows.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

/** What runs in an executor's process. */
const EXECUTOR = 'engine/executor.js';
/** Of some tenths of a second each. */
const ROWS = 24;
const models = new ModelsFolder().fixtures('slow', 'row_sum');
let stack: Stack;
afterEach(() => stack.close());
afterAll(() => models.remove());

async function start(workerEnv: Record<string, string> = {}): Promise<void> {
  stack = await Stack.start({
    models: models.path,
    workerEnv: { SLUICE_EXECUTORS: '1', ...workerEnv },
    gatewayEnv: { SLUICE_DEFAULT_MODEL: 'slow' },
    awaits: ['slow', 'row_sum'],
  });
}

const executors = (): number[] => childrenOf(stack.workers[0]!.pid);
const isNice = (pid: number): boolean => getPriority(pid) === constants.priority.PRIORITY_BELOW_NORMAL;
const inBackground = (): number[] => executors().filter((pid) => isInIdleClass(pid) || isNice(pid));
const answered = (): Promise<number> =>
  metric(opsUrl(stack.workers[0]!), 'sluice_worker_predictions_total', { model: 'slow', outcome: 'ok' });
const call = (): Promise<Answer> => postJson(`${stack.url}/predict/slow`, { input: [1, 0, 0, 0] });

/** A bulk run of which most is still to be done when its rows have gone to the background. */
async function bulk(): Promise<string> {
  const rows = Array.from({ length: ROWS }, (_, i) => JSON.stringify({ input: [i, 0, 0, 0] }));
  const { json } = await sendRows(`${stack.url}/v1/batches?model=slow`, rows);
  return `${stack.url}/v1/batches/${json.id}`;
}

async function inTheBackground(): Promise<number> {
  await stack.workers[0]!.logged(/executor in the background ready/);
  expect(executors()).toHaveLength(2);
  const found = inBackground();
  expect(found).toHaveLength(1);
  return found[0]!;
}

async function allSucceeded(url: string): Promise<void> {
  expect((await ended(url, 60_000)).rows).toMatchObject({ succeeded: ROWS, failed: 0 });
  const lines = await results(url);
  expect(lines.map(({ row }) => row)).toEqual(Array.from({ length: ROWS }, (_, i) => i));
}

it('answers callers while a bulk run stands still in the background, and then ends it', async () => {
  await start();
  expect([executors().length, inBackground()]).toEqual([1, []]);
  const url = await bulk();
  const pid = await inTheBackground();
  process.kill(pid, 'SIGSTOP');
  const before = (await ask(url, { method: 'GET' })).json.rows;
  expect(before.succeeded).toBeLessThan(ROWS);
  for (let i = 0; i < 5; i++) expect((await call()).status).toBe(200);
  process.kill(pid, 'SIGCONT');
  await allSucceeded(url);
});

it('runs every row once when the executor in the background is killed in the midst of it', async () => {
  await start();
  const url = await bulk();
  const pid = await inTheBackground();
  process.kill(pid, 'SIGSTOP');
  // With the slot of callers free again, rows have gone there.
  expect((await call()).status).toBe(200);
  expect((await call()).status).toBe(200);
  process.kill(pid, 'SIGKILL');
  await stack.workers[0]!.logged(/an executor ended unasked/);
  await allSucceeded(url);
  expect((await call()).status).toBe(200);
});

it('keeps bulk rows out of the slots of callers while an executor in the background is on its way', async () => {
  await start();
  const url = await bulk();
  const [own] = executors();
  // Until it runs a program of its own its worker waits for it (vfork(2)), and would stand still with it.
  const other = () => executors().find((each) => each !== own && commandOf(each).includes(EXECUTOR));
  await until('it runs a program of its own', () => other() !== undefined);
  const pid = other()!;
  process.kill(pid, 'SIGSTOP');
  // What ran in the slot then has ended when the first is answered.
  expect((await call()).status).toBe(200);
  const before = await answered();
  for (let i = 0; i < 3; i++) expect((await call()).status).toBe(200);
  expect((await answered()) - before).toBe(3);
  process.kill(pid, 'SIGCONT');
  await allSucceeded(url);
});

it('lets an executor in the background end with its worker', async () => {
  await start();
  await bulk();
  const pid = await inTheBackground();
  const worker = stack.workers[0]!;
  worker.kill('SIGTERM');
  expect((await worker.exited).code).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it('serves the background last of all, by the idle class where the system has its tools, else by its priority', async () => {
  await start();
  await bulk();
  expect(isInIdleClass(await inTheBackground())).toBe(true);
  await stack.close();
  await start({ PATH: '/nowhere' });
  const url = await bulk();
  const pid = await inTheBackground();
  expect([isInIdleClass(pid), isNice(pid)]).toEqual([false, true]);
  await allSucceeded(url);
});

it('runs each executor on a processor of its own where they are pinned, and the background on any', async () => {
  await start({ SLUICE_EXECUTORS: '2', SLUICE_PIN_EXECUTORS: 'true' });
  const [first, second] = executors().map(processorsOf);
  for (const list of [first, second]) expect(list).toMatch(/^\d+$/);
  expect(first).not.toBe(second);
  const url = await bulk();
  await stack.workers[0]!.logged(/(executor in the background ready[^]*){2}/);
  const any = processorsOf(stack.workers[0]!.pid);
  expect(inBackground().map(processorsOf)).toEqual([any, any]);
  await allSucceeded(url);
});

it('runs bulk rows in the executors of callers where there is to be none in the background', async () => {
  await start({ SLUICE_BULK_EXECUTORS: '0' });
  const url = await bulk();
  await until('it is done', async () => {
    expect(executors()).toHaveLength(1);
    return (await ask(url, { method: 'GET' })).json.completed_at !== null;
  });
  await allSucceeded(url);
});
