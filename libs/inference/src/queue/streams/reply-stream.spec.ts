/** What a gateway's reader does while Redis stands still. */
import { startRedis } from '../../../../../test/support/redis.js';
import { until } from '../../../../../test/support/until.js';
import { blockingConnection, failFastConnection } from '../connection.js';
import { REPLY_BLOCK_MS, ReplyStream } from './reply-stream.js';

it('leaves a connection on which nothing comes once, and reads on when Redis goes on', async () => {
  const server = await startRedis({ forceChild: true });
  const { url } = server;
  const reader = blockingConnection({ url, connectionName: 'sluice-gateway-replies', blockMs: REPLY_BLOCK_MS });
  const writer = failFastConnection({ url, connectionName: 'sluice-gateway', timeoutMs: 1_500 });
  for (const redis of [reader, writer]) redis.on('error', () => undefined);
  await Promise.all([reader, writer].map((redis) => until('it is ready', () => redis.status === 'ready')));
  const left = jest.spyOn(reader, 'disconnect');
  const failures: string[] = [];
  const received: string[] = [];
  const stream = new ReplyStream({
    key: 'replies',
    reader,
    writer,
    received: (_header, bytes) => received.push(bytes.toString()),
    noticed: () => undefined,
    failed: (error) => failures.push(String(error)),
  });
  try {
    stream.start();
    await server.kill('SIGSTOP');
    await until('a read has failed', () => failures.length > 0);
    // Until the socket is given up, two seconds later.
    await until('another connection is tried', () => reader.status !== 'ready');
    await server.kill('SIGCONT');
    await until('it reads again', () => reader.status === 'ready');
    expect(left).toHaveBeenCalledTimes(1);
    expect(failures).toHaveLength(1);
    const batch = { size: 1, infer_ms: 1, release_reason: 'full' };
    const header = JSON.stringify({ v: 1, worker: 'w1', batch, results: [] });
    await until('the writer is back', () => writer.status === 'ready');
    await writer.xadd('replies', '*', 'h', header, 'b', 'answer');
    await until('an answer comes', () => received.length > 0);
    expect(received).toEqual(['answer']);
  } finally {
    await stream.stop();
    writer.disconnect();
    await server.stop();
  }
});
