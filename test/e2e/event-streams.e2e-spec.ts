// Proves: a place of those who follow events is given back whenever a reader goes, none of them holds up a gateway that
// stops, and none waits for ever for what Redis has lost.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { keysUnder } from '#inference';
import { ask, postJson, type Answer } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { startRedis } from '../support/redis.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

const models = new ModelsFolder().fixtures('slow');
const startChild = () => startRedis({ forceChild: true });
let redis: Awaited<ReturnType<typeof startChild>>;
let stack: Stack;
let path: string;
beforeAll(async () => {
  redis = await startChild();
  stack = await Stack.start({
    models: models.path,
    redisUrl: redis.url,
    gatewayEnv: { SLUICE_MAX_EVENT_STREAMS: '1' },
    awaits: ['slow'],
  });
  // Nobody ends it.
  stack.workers[0]!.kill('SIGSTOP');
  const { json } = await submit();
  path = `/v1/predictions/${json.id}/events`;
});
afterAll(async () => {
  stack.workers[0]!.kill('SIGCONT');
  await stack.close();
  await redis.stop();
  models.remove();
});

function submit(): Promise<Answer> {
  return postJson(`${stack.url}/v1/predictions`, { model: 'slow', input: [1, 0, 0, 0] });
}

async function reader(): Promise<IncomingMessage> {
  const [response] = (await once(get(stack.url + path), 'response')) as [IncomingMessage];
  return response.resume();
}

it('tells what Redis has forgotten that it was to tell, at the latest with its next sign of life', async () => {
  const { id } = (await submit()).json;
  const [response] = (await once(get(`${stack.url}/v1/predictions/${id}/events`), 'response')) as [IncomingMessage];
  let told = '';
  response.on('data', (piece: Buffer) => (told += piece.toString()));
  await until('it has begun', () => told.includes('event: starting'));
  // As when the last second before a crash of Redis is lost.
  const commands = new Redis(redis.url);
  expect(await commands.hdel(keysUnder(stack.prefix).prediction(id), 'watchers')).toBe(1);
  await commands.quit();
  await ask(`${stack.url}/v1/predictions/${id}/cancel`);
  await once(response, 'end');
  expect(told).toContain('event: canceled');
});

it('answers HEAD at once and takes no place for it', async () => {
  let response!: IncomingMessage;
  await until('there is a place', async () => (response = await reader()).statusCode === 200);
  const head = await ask(stack.url + path, { method: 'HEAD' });
  expect([head.status, head.text]).toEqual([200, '']);
  expect(head.headers).toMatchObject({ 'content-type': expect.stringMatching('text/event-stream') });
  expect((await ask(`${stack.url}/v1/predictions/nobodys/events`, { method: 'HEAD' })).status).toBe(404);
  response.destroy();
});

it('keeps no place for a reader who goes while the prediction is read', async () => {
  const { hostname, port } = new URL(stack.url);
  await redis.kill('SIGSTOP');
  const goer = connect(Number(port), hostname);
  goer.write(`GET ${path} HTTP/1.1\r\nHost: sluice\r\n\r\n`);
  await once(goer, 'connect');
  // Behind it on the same loop: it is being read by now, and after the second the gateway has seen it go.
  await ask(`${stack.url}/health/live`, { method: 'GET' });
  goer.destroy();
  await ask(`${stack.url}/health/live`, { method: 'GET' });
  await redis.kill('SIGCONT');
  const place = async (): Promise<boolean> => {
    const response = await reader();
    response.destroy();
    return response.statusCode === 200;
  };
  await until('there is a place', place);
  // The first may have been let in before the one who went was counted.
  await until('there is still one', place);
});

it('keeps one place for each reader and no more, and lets all go when the gateway stops', async () => {
  let response!: IncomingMessage;
  await until('there is a place', async () => (response = await reader()).statusCode === 200);
  expect((await reader()).statusCode).toBe(503);
  const ended = once(response, 'end');
  stack.gateway.kill('SIGTERM');
  const begun = Date.now();
  await ended;
  expect(await stack.gateway.exited).toEqual({ code: 0, signal: null });
  // Not all of SLUICE_DRAIN_MS, 35 s.
  expect(Date.now() - begun).toBeLessThan(15_000);
});
