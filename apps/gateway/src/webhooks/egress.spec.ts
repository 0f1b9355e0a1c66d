/** Proves: however a receiver spins out its answer, little of it is read. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { until } from '../../../../test/support/until.js';
import { Egress } from './egress.js';
import { webhookPolicy } from './webhook-policy.js';

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKS = `${OK}transfer-encoding: chunked\r\n\r\n`;
const WAIT = 'HTTP/1.1 102 Wait\r\n\r\n'.repeat(4_096);
const LONG = 'x'.repeat(65_536);

describe('an answer to a webhook', () => {
  let egress: Egress;
  let server: Server;
  let connections = 0;
  let written = 0;
  /** What the receiver does once a request has come. */
  let act: (socket: Socket) => void;

  beforeEach(async () => {
    connections = written = 0;
    egress = new Egress({ policy: webhookPolicy(['127.0.0.0/8']), timeoutMs: 3_000 });
    server = createServer((socket) => {
      connections++;
      socket.on('data', () => act(socket));
      socket.on('error', () => undefined).on('close', () => (written += socket.bytesWritten));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await egress.close();
    server.close();
  });

  const post = () => {
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return egress.post({ url, headers: {}, body: '{}', signal: new AbortController().signal });
  };

  it.each([
    { what: 'a reason without end', head: 'HTTP/1.1 200 ', more: LONG, result: { failure: 'broken' } },
    { what: 'answers before the answer', head: '', more: WAIT, result: { failure: 'broken' } },
    { what: 'an extension of a chunk without end', head: `${CHUNKS}1;`, more: LONG, result: { status: 200 } },
  ])('is cut when it is $what', async ({ head, more, result }) => {
    act = (socket) => {
      socket.write(head);
      pour(socket, more);
    };
    expect(await post()).toMatchObject(result);
    await until('the connection is closed', () => written > 0);
    // What the kernel's buffers hold beside what was read.
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it('is read again and again on the same connections when it is of an ordinary size', async () => {
    act = (socket) => void socket.write(`${OK}content-length: 60000\r\n\r\n${'x'.repeat(60_000)}`);
    for (let i = 0; i < 10; i++) expect(await post()).toMatchObject({ status: 200 });
    // The next may be sent before the last byte of the one before has been taken in.
    expect(connections).toBeLessThanOrEqual(2);
  });
});

/** As fast as it is taken. */
function pour(to: Socket, text: string): void {
  const more = (): void => {
    if (!to.destroyed) to.write(text, () => setImmediate(more));
  };
  more();
}
