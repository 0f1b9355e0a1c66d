import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { newSecret } from '#inference';
import { ask } from '../../../test/support/http.js';
import { WebhookReceiver, type Delivery, type Refusal } from './webhook-receiver.js';

const secret = newSecret();
const body = JSON.stringify({ type: 'prediction.completed', data: { id: 'p1' } });
let receiver: WebhookReceiver;
let delivered: Delivery[];
let refused: Refusal[];

beforeEach(async () => {
  delivered = [];
  refused = [];
  receiver = await WebhookReceiver.listen({
    port: 0,
    secret,
    onDelivery: (delivery) => delivered.push(delivery),
    onRefusal: (refusal) => refused.push(refusal),
  });
});
afterEach(() => receiver.close());

/** Signed by the library that receivers in the world use. */
function signed(id: string, { at = new Date(), by = secret, text = body } = {}): Record<string, string> {
  const signature = new Webhook(by).sign(id, at, text);
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
}

it('hands on what is signed with its secret, byte for byte, and says when it comes again', async () => {
  expect((await ask(receiver.url, { headers: signed('msg_1'), body })).status).toBe(204);
  expect((await ask(receiver.url, { headers: signed('msg_1'), body })).status).toBe(204);
  expect(delivered.map(({ id, again }) => ({ id, again }))).toEqual([
    { id: 'msg_1', again: false },
    { id: 'msg_1', again: true },
  ]);
  expect(delivered[0]!.body.toString()).toBe(body);
});

it.each([
  ['a body that was changed', () => signed('msg_1', { text: `${body} ` }), 'signature-wrong'],
  ['another secret', () => signed('msg_1', { by: newSecret() }), 'signature-wrong'],
  ['a signature of long ago', () => signed('msg_1', { at: new Date(Date.now() - 400_000) }), 'too-old'],
  ['no signature', () => ({}), 'headers-missing'],
])('refuses %s with 401 and hands nothing on', async (_, headers, verdict) => {
  expect((await ask(receiver.url, { headers: headers(), body })).status).toBe(401);
  expect(delivered).toEqual([]);
  expect(refused).toMatchObject([{ verdict }]);
});

it('never shows an id that could do something to a terminal', async () => {
  await ask(receiver.url, { headers: { 'webhook-id': '\x9b2J' }, body });
  expect(refused).toMatchObject([{ id: '' }]);
});

it('takes POST alone', async () => {
  const answer = await ask(receiver.url, { method: 'GET' });
  expect({ status: answer.status, allow: answer.headers['allow'] }).toEqual({ status: 405, allow: 'POST' });
});

it('refuses a body by the length it declares, before any of it has come', async () => {
  const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 413 /);
});

it('reads no more of a body than it would keep', async () => {
  const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1');
  // The close may overtake the answer while pieces are on their way, as a reset or a broken pipe.
  socket.on('error', () => undefined);
  socket.resume();
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  const piece = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1024 * 1024), Buffer.from('\r\n')]);
  const push = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', push);
  push();
  await new Promise((resolve) => socket.once('close', resolve));
  expect(socket.bytesWritten).toBeLessThan(64 * 1024 * 1024);
});

it('says what to do when its port is taken', async () => {
  const port = Number(new URL(receiver.url).port);
  const nothing = () => undefined;
  const second = WebhookReceiver.listen({ port, secret, onDelivery: nothing, onRefusal: nothing });
  await expect(second).rejects.toThrow(/is taken.*--port/);
});
