// Proves: predictions accepted before Redis is killed end once after it is back, at whichever step they were, and
// upkeep goes on by itself.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { INPUT_BYTES, LANE, Scene } from '../fixtures/scene.js';
import { startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

it('ends all that was accepted before Redis was killed, each once', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  let server = await startRedis({ forceChild: true, appendonly: true, dir });
  const scene = await Scene.on(server.url);
  try {
    const { redis, keys, outbox, ledger, clock } = scene.context;
    scene.upkeep();
    const worker = await scene.worker('began');
    const head = { webhook: 'https://x.test/' };
    const running = await scene.manySubmitted(20, { head });
    await scene.dispatched(running);
    for (const id of running) await worker.logged(new RegExp(`began ${id} 0`));
    const submitted = await scene.manySubmitted(20, { head });
    const late = await scene.submitted({ head, deadline: clock.now() + 1_000 });
    const { port } = server;
    await server.kill('SIGKILL');
    worker.kill('SIGKILL');
    server = await startRedis({ forceChild: true, appendonly: true, dir, port });
    await scene.worker();

    for (const id of [...running, ...submitted]) {
      const redelivered = running.includes(id) ? 2 : 1;
      expect(await scene.ended(id)).toMatchObject({ status: 'succeeded', generation: 0, attempts: redelivered });
    }
    expect(await scene.ended(late)).toMatchObject({ status: 'aborted' });
    await until('nothing is left', async () => {
      return (await scene.outbox()).length === 0 && (await outbox.queue(LANE).backlog()) === 0;
    });
    for (const id of [...running, ...submitted, late]) expect(await scene.delivery(id, 'completed')).toBe(1);
    expect(await scene.bytes()).toEqual({ pending: 0, inputs: 41 * INPUT_BYTES, outputs: 40 });
    expect(await redis.zcard(keys.due)).toBe(0);
    expect((await ledger.read(late))!.completed).toBeGreaterThan(0);
  } finally {
    await scene.close();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
});
