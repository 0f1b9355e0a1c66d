// Proves: who sends several requests before the first answer is there has them answered in turn, and costs nothing once gone.
import { connect, type Socket } from 'node:net';
import { metric } from '../support/metrics.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow', 'row_sum');
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ models: models.path, workerEnv: { SLUICE_EXECUTORS: '1' }, awaits: ['slow', 'row_sum'] });
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

/** More than an emitter of Node takes listeners without a warning. */
const MANY = 24;
const inFlight = () => metric(stack.url, 'sluice_in_flight');

it('answers in the order of the requests, the quick behind the slow', async () => {
  const caller = connected();
  let text = '';
  caller.on('data', (piece: Buffer) => (text += piece.toString()));
  caller.write(requests('slow', [1]) + requests('row_sum', [2]));
  const answers = () =>
    [...text.matchAll(/HTTP\/1\.1 (\d+) |"model":"(\w+)"/g)].map(([, status, model]) => status ?? model);
  await until('both are answered', () => answers().length === 4);
  expect(answers()).toEqual(['200', 'slow', '200', 'row_sum']);
  caller.destroy();
});

it('holds nothing for a caller who leaves before the first of many answers', async () => {
  // A worker that stands still answers none of them.
  stack.workers[0]!.kill('SIGSTOP');
  try {
    const caller = connected();
    caller.write(requests('slow', [...Array(MANY).keys()]));
    await until('all are in flight', async () => (await inFlight()) === MANY);
    caller.destroy();
    await until('none is', async () => (await inFlight()) === 0);
  } finally {
    stack.workers[0]!.kill('SIGCONT');
  }
  const gone = await metric(stack.url, 'sluice_predictions_total', { model: 'slow', outcome: 'CALLER_GONE' });
  expect(gone).toBe(MANY);
  expect(stack.gateway.log).not.toContain('MaxListenersExceeded');
});

function connected(): Socket {
  const { hostname, port } = new URL(stack.url);
  return connect(Number(port), hostname);
}

function requests(model: string, firsts: number[]): string {
  const head = (length: number): string =>
    `POST /predict/${model} HTTP/1.1\r\nHost: sluice\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  const bodies = firsts.map((first) => JSON.stringify({ input: [first, 0, 0, 0] }));
  return bodies.map((body) => head(body.length) + body).join('');
}
